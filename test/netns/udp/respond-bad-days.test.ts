// The health responder when the host, its log or the processor do not do their part.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RIP, VIP, withNetwork } from '../../support/netns.ts';
import { sleep } from '../../support/process.ts';
import { agentOn } from '../../support/rsprep.ts';
import { config, INTERVAL_MS, LEASE_MS, withResponder } from './responder.ts';

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

describe('never vouches for what it has not looked at', () => {
  it('frozen past the lease: what went meanwhile is not vouched for on waking', () =>
    withResponder(async ({ rs, pid, until, vouched }) => {
      process.kill(pid, 'SIGSTOP');
      await until(false, LEASE_MS + 500);
      rs.ip(`addr del ${VIP}/32 dev lo`);
      await sleep(LEASE_MS);
      process.kill(pid, 'SIGCONT');
      const heard: boolean[] = [];
      for (const end = performance.now() + 3 * INTERVAL_MS; performance.now() < end; ) heard.push(await vouched());
      expect(heard).not.toContain(true);
      rs.ip(`addr add ${VIP}/32 dev lo scope host`);
      await until(true, 2 * INTERVAL_MS + 1000);
    }));

  it('ip(8) fails: the last verdict stays while the kernel shows the VIP, and ends with it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rsprep-ip-'));
    const ip = realpathSync('/bin/ip');
    copyFileSync(ip, join(folder, 'real'));
    writeFileSync(join(folder, 'ip'), `#!/bin/sh\n[ ! -e ${folder}/broken ] || exit 1\nexec ${folder}/real "$@"\n`);
    for (const name of ['.', 'real', 'ip']) chmodSync(join(folder, name), 0o755);
    const wrap = ['unshare', '-m', 'sh', '-c', `mount --bind ${folder}/ip ${ip}; exec "$@"`, 'sh'];
    try {
      await withResponder(
        async ({ rs, until, vouched, log }) => {
          writeFileSync(join(folder, 'broken'), '');
          rs.ip('addr add 10.99.0.1/24 dev eth0'); // a full look, which fails
          await sleep(LEASE_MS + INTERVAL_MS);
          expect(await vouched()).toBe(true);
          rs.ip(`addr del ${VIP}/32 dev lo`);
          await until(false, 2 * INTERVAL_MS);
          expect(log()).toContain(`no interface that is up has ${VIP}`);
        },
        { settings: config({ unknownGrace: '60s' }), wrap },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a folder of a mere hint', () => {
  it('that it may not enter ends nothing', () =>
    withResponder(
      async ({ rs, rsprep, responder, vouched, log }) => {
        mkdirSync(rsprep.file('etc/systemd/system'), { recursive: true });
        chmodSync(rsprep.file('etc/systemd/system'), 0o750);
        rs.ip('addr add 10.99.0.1/24 dev eth0'); // a full look
        await sleep(3 * INTERVAL_MS);
        expect([responder.child.exitCode, await vouched()]).toEqual([null, true]);
        expect(log()).not.toContain('bug in rsprep');
      },
      { wrap: NOBODY },
    ));
});

describe('a log that nobody reads', () => {
  it('keeps it neither from vouching for a thousand VIPs nor from ending', () =>
    withNetwork(async (net) => {
      const vips = Array.from({ length: 1000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
      const rsprep = agentOn(net, net.rs, config({}, vips));
      expect(rsprep.run('apply').code).toBe(0);
      const fifo = rsprep.file('log');
      execFileSync('mkfifo', [fifo]);
      const full = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
      fill(full);
      const responder = net.rs.start([
        'sh',
        '-c',
        'fifo=$1; shift; exec "$@" 2<>"$fifo"',
        'sh',
        fifo,
        ...rsprep.argv('respond'),
      ]);
      try {
        const ask = (): number | null => net.director.run(rsprep.argv('ask', '--timeout', '300ms', RIP)).code;
        await expect.poll(ask, { timeout: 20_000 }).toBe(0);
        responder.child.kill('SIGTERM'); // every program before it has put the next in its own place
        const outcome = await Promise.race([responder.done, sleep(10_000).then(() => null)]);
        expect(outcome).toMatchObject({ code: 0 });
      } finally {
        closeSync(full);
        responder.child.kill('SIGKILL');
        await responder.done;
      }
    }));
});

/** Until not a byte more goes in. */
function fill(fd: number): void {
  for (const size of [4096, 1]) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(size, '.'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
