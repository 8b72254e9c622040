/**
 * The names this program passes around. Strings become branded at the edge (config/, linux/) and stay so inside:
 * a function that takes an `Ipv4` cannot be handed what a person typed.
 */

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** Dotted quad, four decimal parts without leading zeros. */
export type Ipv4 = Branded<string, 'Ipv4'>;
/** RFC 5952 text form, as the kernel prints it: lower case, longest zero run compressed, no zone. */
export type Ipv6 = Branded<string, 'Ipv6'>;
export type Ip = Ipv4 | Ipv6;
/** A network device's name: 1 to 15 bytes, no slash, no white space (kernel `dev_valid_name`). It may contain dots. */
export type InterfaceName = Branded<string, 'InterfaceName'>;

/** The loopback device. */
export const LO = 'lo' as InterfaceName;

export const isIpv6 = (ip: Ip): ip is Ipv6 => ip.includes(':');
export const familyOf = (ip: Ip): 4 | 6 => (isIpv6(ip) ? 6 : 4);
/** Prefix length of a host address, in bits: 32 for IPv4, 128 for IPv6. */
export const hostPrefixLength = (ip: Ip): 32 | 128 => (isIpv6(ip) ? 128 : 32);

/** For what the kernel itself reported as an address. */
export const kernelIp = (text: string): Ip => text as Ip;

/** Kernel rule `dev_valid_name` (net/core/dev.c): 1..15 bytes, not "." or "..", no "/", ":" or white space. */
export function parseInterfaceName(text: string): InterfaceName | null {
  if (text.length < 1 || text.length > 15 || text === '.' || text === '..') return null;
  for (const character of text) {
    if (character === '/' || character === ':' || /\s/.test(character) || character.charCodeAt(0) > 126) return null;
  }
  return text as InterfaceName;
}

/**
 * A sysctl key as path segments below /proc/sys. Never a dotted string: `net.ipv4.conf.eth0.100.arp_ignore` addresses
 * a device called `eth0` in a directory that does not exist (sysctl.d(5) wants slashes there).
 */
export type SysctlPath = readonly string[];

/** The slash form that sysctl.d(5) and sysctl(8) both read whatever the segments contain. */
export const sysctlText = (path: SysctlPath): string => path.join('/');

export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
