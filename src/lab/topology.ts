// Who is on the LAN. Addresses are the ones set aside for documentation (RFC 5737, RFC 3849): they meet nobody's own.

export type HostName = 'client' | 'director' | 'rs1' | 'rs2';
export type RealServer = 'rs1' | 'rs2';

export interface LabHost {
  readonly name: HostName;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly mac: string;
}

const host = (name: HostName, last: number): LabHost => ({
  name,
  ipv4: `192.0.2.${last}`,
  ipv6: `2001:db8::${last}`,
  mac: `02:00:00:00:00:${String(last).padStart(2, '0')}`,
});

export const HOSTS: Readonly<Record<HostName, LabHost>> = {
  client: host('client', 50),
  director: host('director', 2),
  rs1: host('rs1', 11),
  rs2: host('rs2', 12),
};

export const HOST_NAMES = ['client', 'director', 'rs1', 'rs2'] as const satisfies readonly HostName[];
export const REAL_SERVERS = ['rs1', 'rs2'] as const satisfies readonly RealServer[];

export const VIP4 = '192.0.2.100';
export const VIP6 = '2001:db8::100';
/** The one NIC every host has. */
export const NIC = 'eth0';
/** What the real servers serve on the VIP: HTTP over TCP, and a datagram service. */
export const TCP_PORT = 80;
export const UDP_PORT = 7;

/** An address family the lab runs over. */
export interface Family {
  readonly version: 4 | 6;
  readonly vip: string;
  readonly prefixLength: 32 | 128;
  readonly addressOf: (host: HostName) => string;
}

export const IPV4: Family = { version: 4, vip: VIP4, prefixLength: 32, addressOf: (name) => HOSTS[name].ipv4 };
export const IPV6: Family = { version: 6, vip: VIP6, prefixLength: 128, addressOf: (name) => HOSTS[name].ipv6 };

/** The name of the host with that MAC address, or the address itself. */
export const ownerOf = (mac: string): string => HOST_NAMES.find((name) => HOSTS[name].mac === mac) ?? mac;
