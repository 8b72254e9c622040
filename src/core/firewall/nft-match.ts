import { contains } from '../model/addresses.ts';
import { type Ip, isIpv6, kernelIp } from '../model/names.ts';
import { type Json, object, type Ruleset, setKey } from './nft-ruleset.ts';

/** What is known of a packet: everything else (who the client is, marks, rates) may be anything. */
export interface Packet {
  /** The VIP: where the packet goes, or, of a reply, where it comes from. */
  readonly ip: Ip;
  /** Null for any. */
  readonly protocol: 'tcp' | 'udp' | null;
  /** The service's port; null for any. */
  readonly port: number | null;
  /** in: a client's packet from the wire · out: the reply to it. */
  readonly direction: 'in' | 'out';
  /** What connection tracking calls it; null where it is not tracked, or cannot be told. */
  readonly state: 'new' | 'established' | 'invalid' | null;
  /** The devices by which it comes in; empty where that is not known. */
  readonly enters: readonly string[];
  /** Whether the device it comes in by is the one that its answer leaves by; null where that is not known. */
  readonly returns: boolean | null;
  /** The VIP is on a device that packets do not come in by, such as lo: to that device's neighbours it is no local address. */
  readonly onOtherDevice: boolean | null;
}

/** The first packet of a client of whom nothing else is known. */
export const firstPacket = (
  ip: Ip,
  protocol: Packet['protocol'],
  port: number | null,
  more: Partial<Packet> = {},
): Packet => ({
  ...{ ip, protocol, port, direction: 'in', state: 'new', enters: [], returns: null, onOtherDevice: null },
  ...more,
});

export type Truth = boolean | 'maybe';

/** In which table a rule is found: named sets belong to it. */
type Place = { readonly family: string; readonly table: string };

/** One comparison of libnftables-json(5): `match`, or a key of a `vmap` with one of its entries. */
export function compare(
  ruleset: Ruleset,
  place: Place,
  op: string,
  left: unknown,
  right: unknown,
  packet: Packet,
): Truth {
  if (!['==', '!=', 'in'].includes(op)) return 'maybe';
  const { concat } = object(left);
  if (Array.isArray(concat)) return negated(op, withinConcat(ruleset, place, concat, right, packet, 0));
  const known = fieldOf(object(left), packet);
  if (known === null) return 'maybe';
  // nft asks for the protocol first, whatever the comparison: a rule about TCP says nothing about UDP.
  if (known === OTHER) return false;
  return negated(op, within(ruleset, place, known, right, 0));
}

const negated = (op: string, truth: Truth): Truth => (truth === 'maybe' || op !== '!=' ? truth : !truth);

/** The rule is about packets of another family or protocol. */
const OTHER = 'other';
/** One of these devices. */
interface Devices {
  readonly devices: readonly string[];
}
/** What a lookup of the way back found: whether there is one (`fib saddr . iif oif`). */
interface Found {
  readonly found: boolean;
}
type Known = string | number | Devices | Found;

/** What the packet has at that place; null where that is not known. */
function fieldOf(left: Json, packet: Packet): Known | null {
  if (left.fib !== undefined) return lookup(object(left.fib), packet);
  if (left.payload !== undefined) return header(object(left.payload), packet);
  const { key } = object(left.meta);
  if (key === 'l4proto') return packet.protocol;
  if (key === 'nfproto' || key === 'protocol') return networkOf(packet, key);
  // From the wire: not by lo, and by which device only where a director is configured.
  if (key === 'iifname' || key === 'iif') return packet.direction === 'in' ? { devices: packet.enters } : null;
  return object(left.ct).key === 'state' ? packet.state : null;
}

const networkOf = ({ ip }: Packet, key: string): string => {
  if (isIpv6(ip)) return key === 'nfproto' ? 'ipv6' : 'ip6';
  return key === 'nfproto' ? 'ipv4' : 'ip';
};

function header({ protocol, field }: Json, packet: Packet): Known | null {
  const family = isIpv6(packet.ip) ? 'ip6' : 'ip';
  const inwards = packet.direction === 'in';
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'th') {
    if (packet.protocol === null) return null;
    if (protocol !== 'th' && protocol !== packet.protocol) return OTHER;
    return field === (inwards ? 'dport' : 'sport') ? packet.port : null;
  }
  if (protocol !== 'ip' && protocol !== 'ip6' && protocol !== 'icmp' && protocol !== 'icmpv6') return null;
  if (protocol !== family) return packet.protocol === null && protocol.startsWith('icmp') ? null : OTHER;
  if (field === (inwards ? 'daddr' : 'saddr')) return packet.ip;
  return field === 'protocol' || field === 'nexthdr' ? packet.protocol : null;
}

/**
 * `fib` (nft(8)): `saddr` looks up the way back to the client, with `. iif` only by the device it came in by
 * (net/ipv4/netfilter/nft_fib_ipv4.c nft_fib4_eval()); the type of `daddr . iif` is `local` only for an address of that very
 * device (inet_dev_addr_type(): the device of its local route), and `unicast` for a VIP on lo.
 */
function lookup({ result, flags }: Json, packet: Packet): Known | null {
  if (packet.direction !== 'in') return null;
  const has = (flag: string): boolean => (Array.isArray(flags) ? flags.includes(flag) : flags === flag);
  if (result === 'type') {
    if (!has('daddr') || packet.onOtherDevice === null) return null;
    return has('iif') && packet.onOtherDevice ? 'unicast' : 'local';
  }
  if (!has('saddr') || packet.returns === null) return null;
  // Without iif any way back will do.
  return { found: !has('iif') || packet.returns };
}

function within(ruleset: Ruleset, place: Place, known: Known, right: unknown, depth: number): Truth {
  if (depth > 4) return 'maybe';
  if (typeof right === 'string' && right.startsWith('@')) {
    const elements = ruleset.sets.get(setKey(place, right.slice(1)));
    return elements ? anyOf(elements.map((element) => within(ruleset, place, known, element, depth + 1))) : 'maybe';
  }
  const several = Array.isArray(right) ? right : object(right).set;
  if (Array.isArray(several)) return anyOf(several.map((one) => within(ruleset, place, known, one, depth + 1)));
  const { prefix, range, elem } = object(right);
  if (elem !== undefined) return within(ruleset, place, known, object(elem).val, depth + 1);
  if (typeof known === 'object') return 'found' in known ? isFound(known, right) : isDevice(known, right);
  if (typeof right === 'number' || typeof right === 'string')
    return String(right) === String(known) || serviceName(right, known);
  if (prefix !== undefined) {
    const { addr, len } = object(prefix);
    if (typeof addr !== 'string' || typeof len !== 'number' || typeof known !== 'string' || !/[.:]/.test(known))
      return 'maybe';
    return contains({ ip: kernelIp(addr), prefixLength: len }, kernelIp(known));
  }
  if (Array.isArray(range) && typeof known === 'number') return known >= Number(range[0]) && known <= Number(range[1]);
  return 'maybe';
}

/** `missing` and `exists` are false and true; device number 0 and the empty name mean missing, too. */
function isFound({ found }: Found, right: unknown): Truth {
  if (typeof right === 'boolean') return right === found;
  if (right === 0 || right === '0' || right === '') return !found;
  return found ? 'maybe' : false;
}

/** Names as nft has them: `eth*` is a prefix. */
function isDevice({ devices }: Devices, right: unknown): Truth {
  if (right === 'lo') return false;
  if (typeof right !== 'string' || devices.length === 0) return 'maybe';
  const matches = devices.map((name) =>
    right.endsWith('*') ? name.startsWith(right.slice(0, -1)) : name === right.replaceAll('\\', ''),
  );
  return matches.every(Boolean) ? true : matches.some(Boolean) ? 'maybe' : false;
}

/** `ip daddr . tcp dport { 192.0.2.1 . 80 }`. */
function withinConcat(
  ruleset: Ruleset,
  place: Place,
  parts: readonly unknown[],
  right: unknown,
  packet: Packet,
  depth: number,
): Truth {
  if (depth > 4) return 'maybe';
  const again = (one: unknown): Truth => withinConcat(ruleset, place, parts, one, packet, depth + 1);
  if (typeof right === 'string' && right.startsWith('@')) {
    const elements = ruleset.sets.get(setKey(place, right.slice(1)));
    return elements ? anyOf(elements.map(again)) : 'maybe';
  }
  const several = Array.isArray(right) ? right : object(right).set;
  if (Array.isArray(several)) return anyOf(several.map(again));
  const { concat, elem } = object(right);
  if (elem !== undefined) return again(object(elem).val);
  if (!Array.isArray(concat) || concat.length !== parts.length) return 'maybe';
  return parts
    .map((part, index) => compare(ruleset, place, '==', part, concat[index], packet))
    .reduce<Truth>(and, true);
}

/** nft prints some ports and protocols by name, according to the host’s files. */
const serviceName = (right: string | number, known: string | number): Truth =>
  typeof right === 'string' && typeof known === 'number' ? 'maybe' : false;

const anyOf = (truths: readonly Truth[]): Truth =>
  truths.includes(true) ? true : truths.includes('maybe') ? 'maybe' : false;

export const and = (a: Truth, b: Truth): Truth => (a === false || b === false ? false : a === true ? b : a);
