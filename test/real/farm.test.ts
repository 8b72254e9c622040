// What `rsprep render` writes for the neighbours, given to the real thing: keepalived, ipvsadm, iptables, and two
// directors that are real servers too, all in one guest.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Desired } from '../../src/core/model/desired.ts';
import { LO } from '../../src/core/model/names.ts';
import { renderIpvsadm } from '../../src/render/ipvsadm.ts';
import { renderKeepalived } from '../../src/render/keepalived.ts';
import { renderLocalnode } from '../../src/render/localnode.ts';
import { farmConfig, ip } from '../unit/render/fixture.ts';
import { agentIn } from './support/guest-agent.ts';
import { NETWORK_MODULES } from './support/inside.ts';
import { failOver, makeLocalnodes, sendToVip } from './support/localnodes.ts';
import { type Lan, makeLan } from './support/net.ts';
import { type Guest, startGuest } from './support/uml.ts';

let guest: Guest;
let lan: Lan;

beforeAll(async () => {
  lan = makeLan();
  guest = await startGuest({ init: 'plain', modules: [...NETWORK_MODULES, 'ip6table_mangle', 'ip_vs_wrr'] });
}, 300_000);
afterAll(async () => {
  await guest?.stop();
  lan?.remove();
});

const textOf = (rendered: { kind: string; text?: string; because?: string }): string => {
  if (rendered.text === undefined) throw new Error(rendered.because);
  return rendered.text;
};

describe('render keepalived', () => {
  it.each([
    ['UDP_CHECK', { check: 'udp', tcpCheck: false, fwmark: null }],
    ['UDP_CHECK and TCP_CHECK', { check: 'udp', tcpCheck: true, fwmark: null }],
    ['MISC_CHECK', { check: 'misc', tcpCheck: false, fwmark: null }],
    ['marks', { check: 'udp', tcpCheck: false, fwmark: 1 }],
  ] as const)('%s is accepted by keepalived -t without a word', async (_, options) => {
    await guest.ok('ln -sf /bin/true /usr/bin/rsprep'); // keepalived looks for the program
    const text = textOf(renderKeepalived(farmConfig(), options)).replace('script_user nobody', 'script_user root'); // its -t fails over others
    const said = await guest.sh(`cat > /run/k.conf <<'END'\n${text}\nEND\nkeepalived -t -f /run/k.conf 2>&1`);
    expect(said).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('MISC_CHECK runs the program as nobody, for each service of each real server', async () => {
    const text = textOf(renderKeepalived(farmConfig(), { check: 'misc', tcpCheck: false, fwmark: null }));
    const asked = await guest.ok(`
      rm -f /usr/bin/rsprep
      printf '#!/bin/sh\\necho "$(id -un) $*" >> /tmp/asked\\n' > /usr/bin/rsprep; chmod 755 /usr/bin/rsprep
      cat > /run/k.conf <<'END'
${text}
END
      keepalived -n -l -f /run/k.conf >/run/k.log 2>&1 &
      for tenth in $(seq 200); do
        sleep 0.1
        [ "$(sort -u /tmp/asked 2>/dev/null | wc -l)" -lt 7 ] || break
      done
      kill $!
      wait
      sort -u /tmp/asked`);
    const line = (rip: string, rest: string): string =>
      `nobody ask --keepalived --timeout 500ms ${rip}:5300 --vip ${rest}`;
    expect(asked.trim().split('\n').sort()).toEqual(
      [
        ...['10.0.0.11', '10.0.0.12'].flatMap((rip) => [
          line(rip, '192.0.2.10 --service udp/53'),
          line(rip, '192.0.2.10 --service tcp/53'),
          line(rip, '192.0.2.11 --service tcp/443'),
        ]),
        line('[fd00::11]', '2001:db8::10 --service udp/53'),
      ].sort(),
    );
  });

  it('a mistake would be noticed', async () => {
    const text = textOf(renderKeepalived(farmConfig(), { check: 'udp', tcpCheck: false, fwmark: null }));
    const said = await guest.sh(
      `cat > /run/k.conf <<'END'\n${text.replace('min_reply_length', 'min_length')}\nEND\nkeepalived -t -f /run/k.conf 2>&1`,
    );
    expect(said.stdout).toContain('min_length');
  });
});

describe('render ipvsadm', () => {
  const run = (text: string): Promise<string> =>
    guest.ok(`cat > /run/i.sh <<'END'\n${text}END\nsh /run/i.sh; ipvsadm -Sn`);
  const services = (saved: string): string[] => saved.trim().split('\n').sort();

  it('gives IPVS exactly the services and real servers, and nothing new the second time', async () => {
    await guest.ok('ipvsadm -C; ipvsadm -A -t 192.0.2.99:80 -s rr'); // someone else's
    const text = textOf(renderIpvsadm(farmConfig(), { fwmark: null }));
    const first = await run(text);
    expect(services(first)).toEqual(
      [
        '-A -t 192.0.2.99:80 -s rr',
        '-A -u 192.0.2.10:53 -s wrr',
        '-a -u 192.0.2.10:53 -r 10.0.0.11:53 -g -w 1',
        '-a -u 192.0.2.10:53 -r 10.0.0.12:53 -g -w 2',
        '-A -t 192.0.2.10:53 -s wrr',
        '-a -t 192.0.2.10:53 -r 10.0.0.11:53 -g -w 1',
        '-a -t 192.0.2.10:53 -r 10.0.0.12:53 -g -w 2',
        '-A -t 192.0.2.11:443 -s wrr',
        '-a -t 192.0.2.11:443 -r 10.0.0.11:443 -g -w 1',
        '-a -t 192.0.2.11:443 -r 10.0.0.12:443 -g -w 2',
        '-A -u [2001:db8::10]:53 -s wrr',
        '-a -u [2001:db8::10]:53 -r [fd00::11]:53 -g -w 1',
      ].sort(),
    );
    expect(await run(text)).toBe(first);
  });

  it.each([null, 7])(
    'takes out a real server that left the configuration, and changes a weight (mark %s)',
    async (fwmark) => {
      await guest.ok('ipvsadm -C');
      await run(textOf(renderIpvsadm(farmConfig(), { fwmark })));
      const farm = {
        scheduler: 'rr',
        realServers: [
          { rip: ip('10.0.0.12'), weight: 5 },
          { rip: ip('fd00::12'), weight: 1 },
        ],
      };
      const saved = await run(textOf(renderIpvsadm(farmConfig({ farm }), { fwmark })));
      expect(saved).not.toMatch(/10\.0\.0\.11|fd00::11|wrr/);
      expect(saved.match(/-r 10\.0\.0\.12:\d+ -g -w 5/g)).toHaveLength(fwmark === null ? 3 : 2);
      expect(saved.match(/fd00::12/g)).toHaveLength(1);
    },
  );
});

describe('render localnode, nftables', () => {
  it('loads, and loading it again leaves each rule once', () => {
    // On the host's kernel: UML has no nftables families for IP.
    const host = lan.host('nft', '10.0.0.9/24');
    const rendered = renderLocalnode(farmConfig(), {
      directors: [
        { address: ip('10.0.0.2'), mac: '02:00:00:00:00:02' },
        { address: ip('10.0.0.3'), mac: '02:00:00:00:00:03' },
      ],
      ...{ rules: 'nftables', balancer: 'keepalived', check: 'udp', fwmark: 1 },
    });
    if (rendered.kind === 'refused') throw new Error(rendered.because);
    for (const { rules } of rendered.hosts) {
      for (const _ of ['once', 'again']) host.run('sh', '-c', `nft -f - <<'END'\n${rules}END`);
      expect(host.run('nft', 'list', 'ruleset').match(/mark set/g)).toHaveLength(4);
    }
  });
});

describe('localnode: two directors that are real servers too', () => {
  const VIP = '10.0.0.100';
  const MACS = ['02:00:00:00:00:02', '02:00:00:00:00:03'] as const;
  const desired: Desired = farmConfig({
    vips: [{ address: ip(VIP), device: LO, services: [{ protocol: 'udp', port: 53 }] }],
    farm: {
      scheduler: 'rr',
      realServers: [
        { rip: ip('10.0.0.2'), weight: 1 },
        { rip: ip('10.0.0.3'), weight: 1 },
      ],
    },
  });
  const script = (host: 1 | 2, text: string): Promise<string> =>
    guest.ok(`cat > /run/s.sh <<'END'\n${text}\nEND\nsh -e /run/s.sh`, { netns: `ln${host}` });

  /** How bad verify calls each host's balancing: the loop must be named where there is one, and only there. */
  const verdicts = async (): Promise<string[]> => {
    const named = ([1, 2] as const).map(async (host) => {
      const agent = agentIn(guest, { netns: `ln${host}`, root: `/run/ln${host}` });
      await agent.configure({ vips: [VIP], directors: ['10.0.0.2', '10.0.0.3'], role: 'localnode' });
      const { stdout } = await agent.run('verify --format json', 0, 1, 2, 3);
      const { findings } = JSON.parse(stdout) as { findings: { id: string; severity: string }[] };
      return findings.find(({ id }) => id === `ipvs-here@${VIP}`)?.severity ?? 'fine';
    });
    return await Promise.all(named);
  };
  /** The sync daemon's state and backup_only, as keepalived's lvs_sync_daemon or an administrator sets them. */
  const sync = (host: 1 | 2, daemon: 'master' | 'backup' | 'none', backupOnly: 0 | 1): Promise<string> =>
    script(
      host,
      `ipvsadm --stop-daemon backup 2>/dev/null || ipvsadm --stop-daemon master 2>/dev/null || :
       echo ${backupOnly} > /proc/sys/net/ipv4/vs/backup_only
       ${daemon === 'none' ? '' : `ipvsadm --start-daemon ${daemon} --mcast-interface eth0`}`,
    );
  /** More than a packet can be handed over without a loop: 63 times for each whose every decision was "the other one". */
  const LOOP = 60;

  beforeAll(() => makeLocalnodes(guest, { vip: VIP, macs: MACS }));

  it('by address they bounce a packet until its TTL ends', async () => {
    const text = textOf(renderIpvsadm(desired, { fwmark: null }));
    for (const host of [1, 2] as const) await script(host, text);
    expect(await sendToVip(guest, { vip: VIP, packets: 8 })).toBeGreaterThan(LOOP);
    expect(await verdicts()).toEqual(['critical', 'critical']);
  });

  it('with backup_only there is no loop while the backup daemon runs, and one again without it', async () => {
    await sync(1, 'master', 1);
    await sync(2, 'backup', 1);
    expect(await sendToVip(guest, { vip: VIP, packets: 8 })).toBe(4); // half of them, handed over once
    expect(await verdicts()).toEqual(['fine', 'fine']);
    await sync(2, 'none', 1);
    expect(await sendToVip(guest, { vip: VIP, packets: 8 })).toBeGreaterThan(LOOP);
    expect(await verdicts()).toEqual(['fine', 'critical']);
  });

  it('with backup_only and a daemon that is a master on both, the loop is back', async () => {
    await sync(2, 'master', 1);
    expect(await sendToVip(guest, { vip: VIP, packets: 8 })).toBeGreaterThan(LOOP);
    expect(await verdicts()).toEqual(['fine', 'critical']);
  });

  it('with backup_only and a failover, the new master balances nothing until its daemon is no backup any more', async () => {
    await sync(2, 'backup', 1);
    await failOver(guest, { vip: VIP, to: 'ln2' });
    expect(await sendToVip(guest, { vip: VIP, packets: 8, from: 'ln2' })).toBe(0); // serves all of it itself
    expect(await verdicts()).toEqual(['critical', 'high']);
    await sync(2, 'master', 1); // the other one, a master still, hands back what it gets
    expect(await sendToVip(guest, { vip: VIP, packets: 8, from: 'ln2' })).toBeGreaterThan(LOOP);
    expect(await verdicts()).toEqual(['critical', 'fine']);
    await sync(1, 'backup', 1);
    expect(await sendToVip(guest, { vip: VIP, packets: 8, from: 'ln2' })).toBe(4);
    expect(await verdicts()).toEqual(['fine', 'fine']);
    for (const host of [1, 2] as const) await sync(host, 'none', 0);
    await failOver(guest, { vip: VIP, to: 'ln1' });
  });

  it('with the rendered marks no packet is handed over more than once, and both serve', async () => {
    const rendered = renderLocalnode(desired, {
      directors: [
        { address: ip('10.0.0.2'), mac: MACS[0] },
        { address: ip('10.0.0.3'), mac: MACS[1] },
      ],
      ...{ rules: 'iptables', balancer: 'ipvsadm', check: 'udp', fwmark: 1 },
    });
    if (rendered.kind === 'refused') throw new Error(rendered.because);
    for (const [index, { rules, balancer }] of rendered.hosts.entries()) {
      await script((index + 1) as 1 | 2, `ipvsadm -C\n${rules}\n${balancer}`);
      await script((index + 1) as 1 | 2, rules); // again: the same rules, once
      expect(await script((index + 1) as 1 | 2, 'iptables -t mangle -S | grep -c MARK')).toBe('1\n');
    }
    expect(await sendToVip(guest, { vip: VIP, packets: 8 })).toBe(4); // half of them, handed over once
    expect(await verdicts()).toEqual(['fine', 'fine']);
  });
});
