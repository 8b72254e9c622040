import type { Lan } from './net.ts';
import { type Guest, startGuest } from './uml.ts';

/** nf_conntrack comes along as a dependency; every scheduler the tests name must be here, IPVS in UML loads none itself. */
const IPVS_MODULES = ['ip_vs', 'ip_vs_rr', 'ip_vs_wrr', 'ip_vs_sh'];

/**
 * A director with real IPVS and keepalived: a UML guest whose NIC is on the segment, while real servers and clients
 * are namespaces of the host's kernel, at full speed.
 */
export async function startDirector(
  lan: Lan,
  options: {
    readonly name: string;
    readonly address: string;
    /** IPv6 as well. */
    readonly address6?: string;
  },
): Promise<Guest> {
  const { netns, veths } = lan.guest(options.name, 1);
  const mac = directorMac(options.address);
  const guest = await startGuest({
    init: 'plain',
    modules: IPVS_MODULES,
    netns,
    nics: veths.map((veth) => ({ veth, mac })),
  });
  await guest.ok(`
    ip link set vec0 up
    ip address add ${options.address}/24 dev vec0
    ${options.address6 === undefined ? '' : `ip address add ${options.address6}/64 dev vec0 nodad`}
    # A director that sends redirects, or that keeps a dead server's flows, would spoil what is counted.
    sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.vec0.send_redirects=0
    sysctl -qw net.ipv4.vs.expire_nodest_conn=1 net.ipv4.vs.expire_quiescent_template=1`);
  return guest;
}

/** The MAC of a director's NIC, told from its address. */
export const directorMac = (address: string): string =>
  `02:00:00:00:01:${Number(address.split('.')[3]).toString(16).padStart(2, '0')}`;

/** Puts VIPs on the director's NIC, as the rendered configuration says it must. */
export async function holdVips(director: Guest, vips: readonly string[]): Promise<void> {
  const add = (vip: string): string =>
    `ip address add ${vip.includes(':') ? `${vip}/128 dev vec0 nodad preferred_lft 0` : `${vip}/32 dev vec0`}`;
  await director.ok(vips.map(add).join('\n'));
}

/**
 * Starts keepalived on configuration `text` and leaves its log in /run/keepalived.log. Its own check of the configuration
 * comes first, except where a script_user other than root makes that check end itself (2.2.7).
 */
export async function startKeepalived(director: Guest, text: string): Promise<void> {
  await writeKeepalived(director, text);
  await director.ok(`
    setsid keepalived -n -l -D -f /run/keepalived.conf -p /run/k.pid -c /run/kc.pid -r /run/kv.pid \\
      </dev/null >/run/keepalived.log 2>&1 &`);
}

/** Gives a keepalived that runs another configuration, as `systemctl reload keepalived` does. */
export async function reloadKeepalived(director: Guest, text: string): Promise<void> {
  await writeKeepalived(director, text);
  await director.ok('kill -HUP $(cat /run/k.pid)');
}

async function writeKeepalived(director: Guest, text: string): Promise<void> {
  const check = /script_user (?!root)/.test(text) ? '' : 'keepalived -t -f /run/keepalived.conf 2>&1 || exit 1';
  await director.ok(`cat > /run/keepalived.conf <<'END'\n${text}\nEND\n${check}`);
}

/** The real servers IPVS holds with their weights, by service such as `-u 10.0.0.100:53`, `-t [fd00::100]:53` or `-f 1`. */
export async function pools(director: Guest): Promise<Record<string, Record<string, number>>> {
  const saved = await director.ok('ipvsadm -Sn');
  const found: Record<string, Record<string, number>> = {};
  for (const [, service = ''] of saved.matchAll(/^-A (-\S \S+)/gm)) found[service] = {};
  for (const [, service = '', rip = '', weight] of saved.matchAll(
    /^-a (-\S \S+)(?: -6)? -r \[?([\da-f.:]+?)\]?:\d+ -g -w (\d+)/gm,
  )) {
    found[service] = { ...found[service], [rip]: Number(weight) };
  }
  return found;
}
