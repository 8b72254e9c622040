// What the checks do where they cannot look, or must not stand in the way: without privilege, at boot, against /etc/sysctl.conf.
import { describe, expect, it } from 'vitest';
import { CLIENT, DIRECTOR, VIP, withNetwork } from '../../support/netns.ts';
import { agentOn, expectCode, findingsOf } from '../../support/rsprep.ts';
import { startEcho } from '../../support/tools.ts';
import { config, put, seen } from './support.ts';

const dns = { ...config, vips: [{ address: VIP, services: ['udp/5353'] }] };
const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'];

describe('without privilege', () => {
  it('verify says what it cannot tell, counts it, and does not fail', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, dns);
      await startEcho(net, { pktinfo: false });
      expectCode(agent.run('apply'), 0);
      expect(seen(agent)).toEqual([`high service-source@${VIP}/udp/5353`]);

      const outcome = net.rs.run([...asNobody, ...agent.argv('verify', '--format', 'json')]);
      const unknown = findingsOf(expectCode(outcome, 0)).map(({ kind, id }) => `${kind} ${id}`);
      expect(unknown).toEqual([`unknown service-source@${VIP}/udp/5353`, 'unknown firewall-drops']);
      const text = expectCode(net.rs.run([...asNobody, ...agent.argv('verify')]), 0).stdout;
      expect(text).toContain('cannot tell whether 0.0.0.0:5353');
      expect(text).toContain('2 unknown');
    });
  });
});

describe('without nft', () => {
  it('verify says that there are rules it cannot list, and says nothing where there are none', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, dns);
      await startEcho(net);
      expectCode(agent.run('apply'), 0);
      const hidden = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /usr/sbin; exec "$@"', 'sh'];
      const verify = (): readonly string[] =>
        findingsOf(expectCode(net.rs.run([...hidden, ...agent.argv('verify', '--format', 'json')]), 0)).map(
          (finding) => `${finding.kind} ${finding.id}: ${(finding as { reason?: string }).reason}`,
        );
      expect(verify()).toEqual([]);
      net.rs.must(['nft', 'add table inet mine']);
      expect(verify()).toEqual([
        expect.stringMatching(/^unknown firewall-drops: the kernel has tables of nf_tables.*install nftables$/),
      ]);
    });
  });
});

describe('apply --boot', () => {
  it('does not ask what only a running network can answer', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, { ...dns, persist: true });
      expectCode(agent.run('apply'), 0);
      net.rs.batch([
        `addr del ${VIP}/32 dev lo`,
        `route replace default via ${DIRECTOR}`,
        `route add ${DIRECTOR} via ${CLIENT}`,
      ]);
      expectCode(agent.run('apply', '--boot'), 0);
      expect(net.rs.ip('addr show dev lo')).toContain(`${VIP}/32`);
      // The same host, asked later.
      expect(seen(agent)).toEqual([
        `high director-off-link@${DIRECTOR}`,
        `high gateway-is-director@${DIRECTOR}`,
        `high service-missing@${VIP}/udp/5353`,
      ]);
    });
  });
});

describe('apply while /etc/sysctl.conf contradicts', () => {
  it('is refused and changes nothing; it goes through once the line is gone', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      put(agent, 'etc/sysctl.conf', '# site defaults\nnet.ipv4.conf.all.arp_ignore = 0\n');
      const refused = expectCode(agent.run('apply'), 78);
      expect(refused.stdout).toContain('/etc/sysctl.conf:2 sets conf/all/arp_ignore=0');
      expect(net.rs.arp('all', 'arp_ignore')).toBe(0);
      expect(net.rs.ip('addr show dev lo')).not.toContain(VIP);

      put(agent, 'etc/sysctl.conf', '# site defaults\n');
      expectCode(agent.run('apply'), 0);
    });
  });

  it('fixes a host that leaks all the same, and goes on reporting the line', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      put(agent, 'etc/sysctl.conf', 'net.ipv4.conf.all.arp_ignore = 0\n');
      net.rs.ip(`addr add ${VIP}/32 dev lo scope host`);
      expectCode(agent.run('apply'), 2);
      expect(net.rs.arp('all', 'arp_ignore')).toBe(1);
      expect(seen(agent)).toEqual(['critical boot-sysctl@/etc/sysctl.conf']);
    });
  });
});
