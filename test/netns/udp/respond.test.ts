// The health responder on a real server of the test LAN, asked from the director.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLIENT, DIRECTOR, type Network, neighbours, RIP, VIP, VIP6, withNetwork } from '../../support/netns.ts';
import { must, sleep } from '../../support/process.ts';
import { agentOn, type Agent as Rsprep } from '../../support/rsprep.ts';
import { inside, startAgent } from './agent.ts';
import { config, INTERVAL_MS, LEASE_MS, withResponder } from './responder.ts';

describe('vouches for what is so', () => {
  it('on VIP and RIP, IPv4 and IPv6, from the address asked; for the host, a VIP, and not for another', () =>
    withResponder(async ({ vouched, client, director, ask }) => {
      for (const address of [RIP, 'fd00::11']) expect(await vouched(address)).toBe(true);
      expect([await vouched(RIP, VIP), await vouched(RIP, VIP6), await vouched(RIP, '10.0.0.99')]).toEqual([
        true,
        true,
        false,
      ]);
      expect(ask(RIP, '--vip', '10.0.0.99')).toMatchObject({ code: 2, stdout: expect.stringContaining('not-offered') });
      // The client is no director: what the director is told, it is not.
      const told = (host: Network['client']) => host.run(['node', '-e', strangerScript()]).stdout;
      expect([told(director), told(client)]).toEqual(['an answer', 'silence']);
    }));

  it('to whoever is on this host, over loopback; not at its other addresses, which would be a forgery from the wire', () =>
    withResponder(async ({ rs, rsprep }) => {
      const codes = ['127.0.0.1', '::1', RIP, VIP, 'fd00::11', VIP6].map(
        (address) => rs.run(rsprep.argv('ask', '--timeout', '300ms', address)).code,
      );
      expect(codes).toEqual([0, 0, 1, 1, 1, 1]);
    }));

  it('to whom --allow names, where no directors are configured', () =>
    withResponder(
      async ({ vouched, client, rsprep }) => {
        expect(await vouched()).toBe(false);
        expect(client.run(rsprep.argv('ask', RIP))).toMatchObject({ code: 0 });
      },
      { settings: { ...config(), directors: [] }, more: ['--allow', `${CLIENT}/32`] },
    ));

  it('other directors: taken up with the apply, not with the edit', () =>
    withResponder(async ({ rsprep, until, vouched, client }) => {
      const fromClient = (): number | null => client.run(rsprep.argv('ask', '--timeout', '300ms', RIP)).code;
      rsprep.configure({ ...config(), directors: [DIRECTOR, CLIENT] });
      await sleep(2 * INTERVAL_MS);
      expect([await vouched(), fromClient()]).toEqual([true, 1]);
      // 2: this director is the gateway, too.
      expect(rsprep.run('apply').code).toBe(2);
      await expect.poll(fromClient, { timeout: 5000 }).toBe(0);
      await until(true, 2000);
    }));

  it('overrides that cannot be read any more stay in effect', () =>
    withResponder(async ({ rsprep, until, vouched, log }) => {
      expect(rsprep.run('drain', '--reason', 'new disk').code).toBe(0);
      await until(false, 5000);
      writeFileSync(rsprep.file('var/lib/rsprep/overrides.json'), 'not JSON');
      await sleep(2 * INTERVAL_MS);
      expect(await vouched()).toBe(false);
      expect(log()).toContain('could not be read');
    }));

  it('VIP deleted: silent within two intervals and a second; put back: answering within one and a second', () =>
    withResponder(async ({ rs, until, ask, vouched }) => {
      rs.ip(`addr del ${VIP}/32 dev lo`);
      expect(await until(false, 10_000)).toBeLessThan(2 * INTERVAL_MS + 1000);
      expect(ask(RIP)).toMatchObject({ code: 2, stdout: expect.stringContaining(`drift: vip-missing@${VIP}`) });
      expect(await vouched(RIP, VIP6)).toBe(true); // the other VIP is none the worse
      rs.ip(`addr add ${VIP}/32 dev lo scope host`);
      expect(await until(true, 10_000)).toBeLessThan(INTERVAL_MS + 1000);
      expect(ask(RIP)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^vouched\n/) });
    }));

  it('an ARP leak alarms, in STATUS and log, and does not silence', () =>
    withResponder(async ({ rs, vouched, log, rsprep }) => {
      rs.arp('all', 'arp_ignore', 0);
      rs.arp('eth0', 'arp_ignore', 0);
      await expect.poll(log, { timeout: 5000 }).toMatch(/alarm.*arp-ignore/);
      for (let i = 0; i < 30; i++) {
        expect(await vouched()).toBe(true);
        await sleep(100);
      }
      expect(await statusText(rsprep, rs)).toMatch(/alarm: arp-ignore/);
    }));
});

describe('a false alarm does not take the farm down', () => {
  it('a configuration edited to nonsense, then one with a VIP not yet applied: goes on vouching, and says why', () =>
    withResponder(async ({ rsprep, vouched, log, rs }) => {
      writeFileSync(rsprep.configFile, 'vips: [nonsense\n');
      await expect.poll(log, { timeout: 5000 }).toMatch(/configuration cannot be used/);
      expect(await vouched()).toBe(true);
      expect(await statusText(rsprep, rs)).toContain('the configuration cannot be used');
      rsprep.configure(config({}, [VIP, VIP6, '10.0.0.101']));
      await expect.poll(log, { timeout: 5000 }).toMatch(/10\.0\.0\.101 is configured but not yet applied/);
      expect(await vouched()).toBe(true);
      expect(await statusText(rsprep, rs)).toContain('10.0.0.101 is configured but not yet applied');
      expect(rsprep.run('apply').code).toBe(0);
      await expect.poll(() => vouched(RIP, '10.0.0.101'), { timeout: 5000 }).toBe(true);
    }));

  it('ip(8) missing for 30 s: goes on vouching and says why; only after unknownGrace it goes silent', () =>
    withResponder(
      async ({ pid, vouched, log, until, rsprep, rs }) => {
        const program = must(['sh', '-c', 'readlink -f "$(command -v ip)"']).trim();
        // Only in the responder's own mount namespace, which `ip netns exec` made.
        const inMounts = (...argv: string[]) => must(['nsenter', '-t', String(pid), '-m', '--', ...argv]);
        inMounts('mount', '--bind', '/dev/null', program);
        rs.arp('eth0', 'arp_announce', 1); // any change, so that it looks at once
        const start = performance.now();
        while (performance.now() - start < 30_000) {
          expect(await vouched(), log()).toBe(true);
          await sleep(250);
        }
        expect(await statusText(rsprep, rs)).toMatch(/cannot observe the kernel/);
        await until(false, 10_000);
        inMounts('umount', program);
        expect(await until(true, 5000)).toBeLessThan(INTERVAL_MS + 1000);
      },
      { settings: config({ unknownGrace: '34s' }) },
    ));
});

describe('overrides', () => {
  it('drain silences a healthy host, vouch makes a sick one speak, resume ends both', () =>
    withResponder(async ({ rsprep, rs, until, ask }) => {
      expect(rsprep.run('drain', '--reason', 'kernel update').code).toBe(0);
      await until(false, 3000);
      expect(ask(RIP)).toMatchObject({
        code: 2,
        stdout: expect.stringMatching(/^draining: drained by .*kernel update/),
      });
      expect(rsprep.run('resume', 'drain').code).toBe(0);
      await until(true, 3000);
      rs.ip(`addr del ${VIP}/32 dev lo`);
      await until(false, 5000);
      expect(rsprep.run('vouch', '--reason', 'false alarm').code).toBe(0);
      await until(true, 3000);
      expect(rsprep.run('resume', 'vouch').code).toBe(0);
      await until(false, 3000);
    }));

  it('onDrift: report answers with a status byte instead of silence', () =>
    withResponder(
      async ({ rs, until, ask }) => {
        rs.ip(`addr del ${VIP}/32 dev lo`);
        await until(false, 5000);
        const outcome = ask(RIP, '--format', 'json');
        expect(outcome.code).toBe(2);
        expect(JSON.parse(outcome.stdout)).toMatchObject({ verdict: 'drift', answers: 1, from: RIP });
      },
      { settings: config({ onDrift: 'report' }) },
    ));
});

describe('its own life', () => {
  it('SIGSTOP: silent within the lease. SIGTERM: silent first, ends 0 after the grace', () =>
    withResponder(async ({ responder, pid, until, rsprep, vouched }) => {
      process.kill(pid, 'SIGSTOP');
      expect(await until(false, LEASE_MS + 500)).toBeLessThan(LEASE_MS);
      process.kill(pid, 'SIGCONT');
      await until(true, INTERVAL_MS + 1000);
      const start = performance.now();
      process.kill(pid, 'SIGTERM');
      expect(await until(false, 500)).toBeLessThan(500);
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      const outcome = await responder.done;
      expect([outcome.code, outcome.signal]).toEqual([0, null]);
      expect(performance.now() - start).toBeGreaterThan(900);
      expect(await vouched()).toBe(false);
      const record = JSON.parse(readFileSync(rsprep.file('run/rsprep-responder/state.json'), 'utf8'));
      expect(record).toMatchObject({ format: 1, port: 5300, host: { verdict: 'draining' } });
      expect(record.stats.votes).toBeGreaterThan(0);
    }));

  it('runs without any privilege, and logs changes, not requests', () =>
    withResponder(
      async ({ rs, pid, vouched, until, log }) => {
        expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/Uid:\t65534[\s\S]*CapEff:\t0+\n/);
        for (let i = 0; i < 50; i++) expect(await vouched()).toBe(true);
        const lines = log().split('\n').length;
        rs.ip(`addr del ${VIP}/32 dev lo`);
        await until(false, 5000);
        expect(lines).toBeLessThan(10);
        expect(log()).toMatch(/not vouching for host: vip-missing/);
      },
      {
        wrap: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'],
      },
    ));

  it('idles below 1 % of a core at an interval of a second, its children included', () =>
    withResponder(async ({ pid }) => {
      await sleep(3000);
      const before = cpuMs(pid);
      await sleep(15_000);
      const share = (cpuMs(pid) - before) / 15_000;
      expect(share).toBeLessThan(0.01);
    }));

  it('a port that is taken, no directors, nothing applied and no configuration: says so and ends', () =>
    withNetwork(async (net) => {
      const rsprep = agentOn(net, net.rs, config());
      const other = startAgent(inside(net.rs.namespace));
      await other.run(`kept.s = dgram.createSocket('udp4'); await new Promise((r) => kept.s.bind(5300, r));`);
      expect(rsprep.run('respond')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('UDP port 5300 cannot be opened'),
      });
      await other.end();
      rsprep.configure({ version: 1, vips: [VIP] });
      expect(rsprep.run('respond')).toMatchObject({ code: 78, stderr: expect.stringContaining('expected directors') });
      writeFileSync(rsprep.configFile, 'nonsense');
      expect(rsprep.run('respond')).toMatchObject({
        code: 78,
        stderr: expect.stringContaining('nothing was ever applied'),
      });
    }));
});

describe('rsprep ask', () => {
  it('says how fast and from where, for names and addresses, from a source of choice', () =>
    withResponder(async ({ ask }) => {
      const many = ask(`${RIP}:5300`, '--count', '3', '--source', DIRECTOR);
      expect(many).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^vouched\nfrom 10\.0\.0\.11: 3 of 3 answered, [\d.]+ ms/),
      });
      expect(ask('[fd00::11]:5300').code).toBe(0);
      expect(ask('fd00::11', '--vip', VIP6).code).toBe(0);
      expect(ask('127.0.0.1')).toMatchObject({ code: 1, stdout: expect.stringMatching(/^no answer/) });
      expect(ask(RIP, '--source', '192.0.2.1')).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^could not ask/),
      });
    }));

  it('for keepalived only ever ends with 0 or 1', () =>
    withResponder(async ({ ask, rs, until }) => {
      expect(ask('--keepalived', RIP)).toMatchObject({ code: 0, stdout: '' });
      rs.ip(`addr del ${VIP}/32 dev lo`);
      await until(false, 5000);
      const codes = [[RIP], ['127.0.0.1'], [RIP, '--vip', 'x'], [RIP, '--no-such-option'], []].map(
        (words) => ask('--keepalived', ...words).code,
      );
      expect(codes).toEqual([1, 1, 1, 1, 1]);
    }));

  it('calls it an error when the reply comes from another address than was asked', () =>
    withNetwork(async (net) => {
      net.rs.ip(`addr add ${VIP}/32 dev lo`);
      net.director.batch(neighbours(VIP));
      const plain = startAgent(inside(net.rs.namespace));
      await plain.run(`const s = dgram.createSocket('udp4'); s.on('message', (m, r) => s.send(udp.encodeReply(
        { type: 'vote', verdict: 'vouched', nonce: udp.decodeRequest(m).nonce, text: '' }, m.length), r.port, r.address));
        await new Promise((r) => s.bind(5300, r));`);
      const outcome = net.director.run(agentOn(net).argv('ask', VIP, '--timeout', '500ms'));
      await plain.end();
      expect(outcome.code).toBe(1);
      expect(outcome.stdout).toMatch(
        /answered from another address: asked 10\.0\.0\.100 port 5300, the reply came from 10\.0\.0\.11/,
      );
    }));

  it('prints fixed payloads for keepalived’s UDP_CHECK', () =>
    withNetwork((net) => {
      const { stdout } = agentOn(net).run('ask', '--payload', RIP, '--vip', VIP);
      expect(stdout).toContain('payload 5253500101000000000000000000040000000a000064');
      expect(stdout).toContain('require_reply 525350018101');
    }));
});

/** STATUS as an operator on the host gets it: the vote is answered, so `ask` does not ask for it by itself. */
async function statusText(rsprep: Rsprep, host: Network['rs']): Promise<string> {
  const agent = startAgent(inside(host.namespace));
  try {
    const bytes = `udp.encodeRequest({ type: 'status', nonce: new Uint8Array(8), subject: {} })`;
    const [reply] = await agent.run<{ text: string }[]>(`return ask(${bytes}, 5300, '127.0.0.1')`);
    return reply?.text ?? `no status from ${rsprep.root}`;
  } finally {
    await agent.end();
  }
}

/** What somebody who is no director hears. */
const strangerScript = (): string =>
  `const s = require('node:dgram').createSocket('udp4'); let said = 'silence'; s.on('message', () => { said = 'an answer'; });
   const end = () => { process.stdout.write(said); s.close(); };
   s.send(Buffer.from('525350010100000000000000000000000000', 'hex'), 5300, '${RIP}', () => setTimeout(end, 300));`;

/** utime, stime, cutime and cstime of proc(5), in ticks of 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ')
    .map(Number);
  return fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) * 10;
}
