import { isIpv6 } from '../model/names.ts';
import { and, compare, type Packet, type Truth } from './nft-match.ts';
import { type Chain, describeChain, type Json, list, object, type Ruleset, ruleText, setKey } from './nft-ruleset.ts';

/** dropped: certainly, by that rule · translated: a rule may hand it to another address. */
export type Fate =
  | { readonly kind: 'dropped'; readonly by: string }
  | { readonly kind: 'translated' }
  | { readonly kind: 'unsure' }
  | { readonly kind: 'accepted' };

const HOOKS = { in: ['ingress', 'prerouting', 'input'], out: ['output', 'postrouting', 'egress'] } as const;

/**
 * Follows a packet through `nft -j list ruleset` (libnftables-json(5)). Only what is certain is called dropped: no false alarm is
 * worth a rule that could not be read.
 */
export function follow(ruleset: Ruleset, given: Packet): Fate {
  const families = [isIpv6(given.ip) ? 'ip6' : 'ip', 'inet', 'netdev'];
  const hooks: readonly (string | null)[] = HOOKS[given.direction];
  const bases = ruleset.chains
    .filter((chain) => families.includes(chain.family) && hooks.includes(chain.hook))
    // Address translation looks at the first packet of a connection alone.
    .filter(({ type }) => type !== 'nat' || given.state === 'new')
    .toSorted((a, b) => hooks.indexOf(a.hook) - hooks.indexOf(b.hook) || a.priority - b.priority);
  // What is not tracked is in no state that could be told from here.
  const packet = ruleset.untracks ? { ...given, state: null } : given;
  let unsure = false;
  for (const base of bases) {
    const end = onDevice(base, packet, walk(ruleset, base, packet, 0));
    if (end.kind === 'dropped' || end.kind === 'translated') return end;
    if (end.kind === 'unsure') unsure = true;
  }
  return { kind: unsure ? 'unsure' : 'accepted' };
}

/** What a base chain does with a packet, its policy included: that is for what no rule decided. */
function onDevice(base: Chain, packet: Packet, end: End): End {
  const decided: End =
    end.kind === 'through' && base.policy === 'drop'
      ? { kind: 'dropped', by: `${describeChain(base)}, policy drop: no rule accepts it` }
      : end;
  if (base.hook !== 'ingress' && base.hook !== 'egress') return decided;
  // Hooked to devices: nft before 1.0.7 does not print to which.
  const hooked = base.devices.length > 0 && packet.enters.length > 0;
  const all = hooked && packet.direction === 'in' && packet.enters.every((name) => base.devices.includes(name));
  if (all || decided.kind === 'through' || decided.kind === 'accepted') return decided;
  const none = hooked && packet.direction === 'in' && !packet.enters.some((name) => base.devices.includes(name));
  return none ? { kind: 'through' } : { kind: 'unsure' };
}

/** through: no rule decided · returned: a rule left the chain, so that the rest of it does not count. */
type End = Fate | { readonly kind: 'through' } | { readonly kind: 'returned' };

function walk(ruleset: Ruleset, chain: Chain, packet: Packet, depth: number): End {
  if (depth > 16) return { kind: 'unsure' };
  let unsure = false;
  for (const rule of chain.rules) {
    const step = apply(ruleset, chain, rule, packet, depth);
    if (step.kind === 'through') continue;
    if (step.kind === 'returned') break;
    if (step.kind === 'unsure') unsure = true;
    else if (step.kind === 'dropped' && unsure) return { kind: 'unsure' };
    else return step;
  }
  return { kind: unsure ? 'unsure' : 'through' };
}

/** Statements that hold for some packets and not for others, by what is not known of this one. */
const GATES = new Set(['limit', 'ct count', 'quota', 'meter']);

function apply(ruleset: Ruleset, chain: Chain, rule: Json, packet: Packet, depth: number): End {
  let truth: Truth = true;
  for (const statement of list(rule.expr)) {
    const [[kind, body] = ['', null]] = Object.entries(statement);
    if (kind === 'match') {
      const { op, left, right } = object(body);
      truth = and(truth, compare(ruleset, chain, String(op), left, right, packet));
    } else if (GATES.has(kind) || (kind === 'set' && object(body).stmt !== undefined)) truth = and(truth, 'maybe');
    else if (kind === 'vmap') {
      const end = vmap(ruleset, chain, object(body), packet, depth, rule);
      return truth === true ? end : perhaps(end);
    } else {
      const [name, more] = kind === 'xt' ? extension(object(body)) : [kind, body];
      if (name === null) truth = and(truth, 'maybe');
      const end = name === null ? null : verdict(ruleset, chain, name, more, packet, depth, rule);
      if (end) return truth === true ? end : perhaps(end);
    }
    if (truth === false) return { kind: 'through' };
  }
  return { kind: 'through' };
}

/** What iptables-nft leaves to an extension: nft names it and does not say its options. Null where they decide. */
function extension({ type, name }: Json): readonly [name: string | null, body: null] {
  if (type === 'match') return [name === 'comment' ? 'comment' : null, null];
  if (type !== 'target' || typeof name !== 'string') return [null, null];
  return [TARGETS[name] ?? name.toLowerCase(), null];
}

const TARGETS: Readonly<Record<string, string>> = { REJECT: 'reject', DNAT: 'dnat', REDIRECT: 'redirect' };

/** What may happen is not certain to: a drop that may not be reached is none, an accept may save the packet. */
const perhaps = (end: End): End =>
  end.kind === 'translated'
    ? end
    : end.kind === 'dropped' || end.kind === 'through'
      ? { kind: 'through' }
      : { kind: 'unsure' };

function verdict(
  ruleset: Ruleset,
  chain: Chain,
  kind: string,
  body: unknown,
  packet: Packet,
  depth: number,
  rule: Json,
): End | null {
  if (kind === 'drop' || kind === 'reject')
    return { kind: 'dropped', by: `${describeChain(chain)}: ${ruleText(rule)}` };
  if (kind === 'accept') return { kind: 'accepted' };
  if (kind === 'queue' || kind === 'synproxy' || kind === 'fwd' || kind === 'nfqueue') return { kind: 'unsure' };
  if (kind === 'dnat' || kind === 'redirect' || kind === 'tproxy') return { kind: 'translated' };
  if (kind === 'return') return { kind: 'returned' };
  if (kind !== 'jump' && kind !== 'goto') return null;
  const target = ruleset.chains.find(
    ({ family, table, name }) => family === chain.family && table === chain.table && name === object(body).target,
  );
  if (!target) return { kind: 'unsure' };
  const end = walk(ruleset, target, packet, depth + 1);
  if (end.kind !== 'through') return end;
  return kind === 'jump' ? null : { kind: 'returned' };
}

/** A verdict map: the entries that the packet's key may be in. */
function vmap(ruleset: Ruleset, chain: Chain, body: Json, packet: Packet, depth: number, rule: Json): End {
  const data =
    object(body.data).set ?? (typeof body.data === 'string' ? ruleset.sets.get(setKey(chain, body.data)) : null);
  if (!Array.isArray(data)) return { kind: 'unsure' };
  let result: End = { kind: 'through' };
  for (const entry of data) {
    if (!Array.isArray(entry)) return { kind: 'unsure' };
    const truth = compare(ruleset, chain, '==', body.key, entry[0], packet);
    const [[kind, inner] = ['', null]] = Object.entries(object(entry[1]));
    const end = truth === false ? null : verdict(ruleset, chain, kind, inner, packet, depth, rule);
    if (!end) continue;
    if (truth === true) return end;
    if (perhaps(end).kind !== 'through') result = perhaps(end);
  }
  return result;
}

/** Rules of the arp family that drop something, as text: they can hide a leak that the sysctls leave open. */
export const arpDrops = ({ chains }: Ruleset): readonly string[] =>
  chains
    .filter(({ family }) => family === 'arp')
    .flatMap((chain) => [
      ...chain.rules
        .filter(({ expr }) => list(expr).some((statement) => 'drop' in statement))
        .map((rule) => `${describeChain(chain)}: ${ruleText(rule)}`),
      ...(chain.policy === 'drop' ? [`${describeChain(chain)}, policy drop`] : []),
    ]);
