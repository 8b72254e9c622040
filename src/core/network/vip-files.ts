import { isSameAddress } from '../model/addresses.ts';
import type { Desired } from '../model/desired.ts';
import { type Ip, isIpv6, kernelIp } from '../model/names.ts';
import type { FoundFile } from '../model/surroundings.ts';

/** A line of a file that gives this host a VIP, or makes IPVS serve it. */
export interface Mention {
  readonly ip: Ip;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
  readonly as: 'address' | 'keepalived-address' | 'keepalived-server';
  /** Null where the file does not say. */
  readonly device: string | null;
  /** In bits; null where the line does not say. */
  readonly prefixLength: number | null;
}

interface Line {
  readonly number: number;
  /** Without its comment. */
  readonly text: string;
  readonly indent: number;
}

/** Finds what gives this host a VIP. A name server, a route or a comment that only names the VIP is none. */
export function mentionsIn({ path, content }: FoundFile, desired: Desired): readonly Mention[] {
  if (content.kind !== 'value') return [];
  const lines = content.value.split('\n').map((raw, index): Line => {
    const text = raw.replace(/(^|\s)[#;!].*$/, '').trimEnd();
    return { number: index + 1, text: text.trim(), indent: text.length - text.trimStart().length };
  });
  const claim = claimOf(path, lines);
  return lines.flatMap((line) => {
    const found = claim(line);
    if (!found) return [];
    return addressesIn(line.text).flatMap(({ ip: spelled, prefixLength }): readonly Mention[] => {
      const ip = desired.vips.find(({ address }) => isSameAddress(address, spelled))?.address;
      return ip ? [{ ip, file: path, line: line.number, text: line.text, prefixLength, ...found }] : [];
    });
  });
}

/** Whether a file names one of these addresses at all, however it spells it. */
export const namesAny = (content: string, vips: readonly Ip[]): boolean =>
  vips.some((vip) => content.includes(vip)) ||
  (vips.some(isIpv6) &&
    addressesIn(content).some(({ ip }) => isIpv6(ip) && vips.some((vip) => isSameAddress(vip, ip))));

type Claim = Pick<Mention, 'as' | 'device'>;

/** What a line of this kind of file does with the addresses in it. Called for each line in turn. */
function claimOf(path: string, lines: readonly Line[]): (line: Line) => Claim | null {
  if (path.startsWith('/etc/keepalived/')) return keepalived();
  if (path.startsWith('/etc/netplan/')) return netplan();
  if (path.startsWith('/etc/network/')) return interfaces();
  // dsr.conf(5): every line that is no comment is a VIP, which dsrctl puts on lo as one address.
  if (path.startsWith('/etc/dsr.d/')) return () => ({ as: 'address', device: 'lo' });
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name.startsWith('ifcfg-')) return byKey(/^IPV?6?ADDR\w*\s*=/i, name.slice('ifcfg-'.length));
  if (name.endsWith('.network')) return byKey(/^Address\s*=/i, firstOf(lines, /^Name\s*=\s*(\S+)/i));
  if (name.endsWith('.nmconnection')) {
    return byKey(/^address(es)?\d*\s*=/i, firstOf(lines, /^interface-name\s*=\s*(\S+)/i));
  }
  if (name.endsWith('.service'))
    return ({ text }) => (addsAddress(text) ? { as: 'address', device: deviceIn(text) } : null);
  return script(lines);
}

const byKey =
  (key: RegExp, device: string | null) =>
  ({ text }: Line): Claim | null =>
    key.test(text) ? { as: 'address', device } : null;

const firstOf = (lines: readonly Line[], pattern: RegExp): string | null => {
  for (const { text } of lines) {
    const found = pattern.exec(text)?.[1];
    if (found) return found;
  }
  return null;
};

/** interfaces(5): `iface NAME …` opens a stanza; `address` belongs to it, and so do commands such as `up ip addr add`. */
function interfaces(): (line: Line) => Claim | null {
  let device: string | null = null;
  return ({ text }) => {
    const opened = /^iface\s+(\S+)/.exec(text)?.[1];
    if (opened) device = opened;
    if (/^address\s/.test(text)) return { as: 'address', device };
    return addsAddress(text) ? { as: 'address', device: deviceIn(text) ?? device } : null;
  };
}

/** YAML by indentation: `addresses:` of a device, not that of its `nameservers:`. */
function netplan(): (line: Line) => Claim | null {
  let keys: readonly { readonly indent: number; readonly name: string }[] = [];
  return ({ text, indent }) => {
    if (text === '') return null;
    const key = /^(?:-\s+)?["']?([\w.:@-]+?)["']?\s*:(?:\s|$)/.exec(text)?.[1];
    const item = text.startsWith('- ');
    keys = keys.filter((outer) => (item && !key ? outer.indent <= indent : outer.indent < indent));
    if (key && !/^[\da-f]*:/i.test(text)) keys = [...keys, { indent, name: key }];
    const names = keys.map(({ name }) => name);
    if (names.at(-1) !== 'addresses' || names.includes('nameservers')) return null;
    return { as: 'address', device: names.at(-2) ?? null };
  };
}

/** keepalived.conf(5): blocks in braces. */
function keepalived(): (line: Line) => Claim | null {
  let blocks: readonly string[] = [];
  let device: string | null = null;
  return ({ text }) => {
    const opens = /^([\w-]+)/.exec(text)?.[1];
    const within = blocks.at(-1) ?? '';
    if (/^interface\s/.test(text)) device = text.split(/\s+/)[1] ?? null;
    for (const brace of text.replace(/[^{}]/g, '')) {
      blocks = brace === '{' ? [...blocks, opens ?? ''] : blocks.slice(0, -1);
    }
    const inBlock = /^virtual_ipaddress(_excluded)?$/;
    if (inBlock.test(within) || inBlock.test(opens ?? '')) {
      return { as: 'keepalived-address', device: /\bdev\s+(\S+)/.exec(text)?.[1] ?? device };
    }
    return opens === 'virtual_server' ? { as: 'keepalived-server', device: null } : null;
  };
}

/** A shell script: `ip addr add VIP …`, or a variable that such a line uses. */
function script(lines: readonly Line[]): (line: Line) => Claim | null {
  const adds = lines.find(({ text }) => addsAddress(text));
  if (!adds) return () => null;
  return ({ text }) => {
    if (!addsAddress(text) && !/^(export\s+)?\w+=/.test(text)) return null;
    return { as: 'address', device: deviceIn(addsAddress(text) ? text : adds.text) };
  };
}

const addsAddress = (text: string): boolean =>
  /\bip(\s+-\S+)*\s+a(ddr(ess)?)?\s+(add|replace|change)\b|\bifconfig\s+\S+\s+\S/.test(text);
const deviceIn = (text: string): string | null =>
  /\bdev\s+(\S+)/.exec(text)?.[1] ?? /\bifconfig\s+(\S+)/.exec(text)?.[1] ?? null;

/** Everything in a line that looks like an address, with the prefix length behind it. */
function addressesIn(text: string): readonly { readonly ip: Ip; readonly prefixLength: number | null }[] {
  return [...text.matchAll(/(?<![\w.:])([0-9a-fA-F:]*:[0-9a-fA-F:]+|\d+(?:\.\d+){3})(?:\/(\d+))?(?![\w.:])/g)].map(
    ([, ip = '', bits]) => ({ ip: kernelIp(ip.toLowerCase()), prefixLength: bits === undefined ? null : Number(bits) }),
  );
}
