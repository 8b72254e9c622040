// `verify --probe`: behaviour as findings beside those of the settings.
import { describe, expect, it } from 'vitest';
import { RIP, VIP, withNetwork } from '../../support/netns.ts';
import { agentOn, expectCode, findingsOf } from '../../support/rsprep.ts';
import { startEcho } from '../../support/tools.ts';
import { ECHO_SERVICE, prepared } from './support.ts';

describe('verify --probe', () => {
  it('adds nothing on a prepared host, and findings where a probe sees something', async () => {
    await withNetwork(async (net) => {
      const config = { version: 1, vips: [{ address: VIP, services: [ECHO_SERVICE] }], rip: RIP, persist: false };
      const agent = prepared(agentOn(net, net.rs, config));
      const good = await startEcho(net, { port: 5353 });
      const probeIds = (code: number): readonly string[] =>
        findingsOf(expectCode(agent.run('verify', '--probe', '--format', 'json'), code))
          .map(({ id }) => id)
          .filter((id) => id.startsWith('probe-'));
      expect(probeIds(0)).toEqual([]);
      await good.stop();
      await startEcho(net, { port: 5353, pktinfo: false });
      expect(probeIds(2)).toEqual(
        expect.arrayContaining([`probe-udp-source@${VIP}/udp/5353`, `probe-service@${VIP}/udp/5353`]),
      );
      net.rs.ip(`addr add ${VIP}/32 dev eth0`);
      expect(probeIds(2)).toContain('probe-arp@eth0');
      agent.configure({ ...config, ignore: [{ id: 'probe-*', reason: 'lab', until: '2099-01-01' }] });
      expect(probeIds(2)).toEqual([]);
    });
  });

  it('says that it could not probe without privilege, and still verifies', async () => {
    await withNetwork((net) => {
      const agent = prepared(agentOn(net));
      const argv = [
        'setpriv',
        '--reuid',
        '65534',
        '--clear-groups',
        ...agent.argv('verify', '--probe', '--format', 'json'),
      ];
      const outcome = net.rs.run(argv);
      expect(findingsOf(outcome)).toContainEqual(expect.objectContaining({ id: 'probe-arp', kind: 'unknown' }));
    });
  });
});
