// Whose datagrams reach the responder, and whose its port is.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RIP, VIP, withNetwork } from '../../support/netns.ts';
import { sleep } from '../../support/process.ts';
import { agentOn } from '../../support/rsprep.ts';
import { config, withResponder } from './responder.ts';

/** Binds as systemd does for rsprep-responder.socket, lets datagrams wait in the queue, and becomes the program of its arguments. */
const MANAGER = `
import os, socket, sys
port = int(sys.argv[1])
held = []
for family, address in ((socket.AF_INET6, '::'), (socket.AF_INET, '127.0.0.1')):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind((address, port))
    held.append(s)
print('held', flush=True)
sys.stdin.readline()
for i, s in enumerate(held): os.dup2(s.fileno(), 10 + i)
for i in range(2): os.dup2(10 + i, 3 + i, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2')
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.execvp(sys.argv[2], sys.argv[2:])
`;

const ASK = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 40000)); s.settimeout(float(sys.argv[3]))
for i in range(int(sys.argv[4])): s.sendto(b'RSP\\1\\1\\0' + bytes(8) + bytes(4), (sys.argv[1], int(sys.argv[2])))
n = 0
try:
    while True: s.recvfrom(300); n += 1
except OSError: pass
print(n)
`;

it('strangers take no room in the queue: the kernel drops what they send before it is received', () =>
  withResponder(async ({ client, rsprep, director, pid }) => {
    const record = (): { stats: Record<string, number> } =>
      JSON.parse(readFileSync(rsprep.file('run/rsprep-responder/state.json'), 'utf8'));
    expect(client.must(['python3', '-c', ASK, RIP, '5300', '0.3', '50']).trim()).toBe('0');
    expect(director.must(['python3', '-c', ASK, RIP, '5300', '0.5', '20']).trim()).toBe('20');
    process.kill(pid, 'SIGTERM');
    await expect.poll(() => record().stats.kernelDrops, { timeout: 5000 }).toBe(50);
    expect(record().stats).toMatchObject({ denied: 0, limited: 0, votes: 20 });
  }));

it('nobody else can bind beside it, SO_REUSEPORT or not', () =>
  withResponder(async ({ rs }) => {
    const squat = `
import socket
for family, address in ((socket.AF_INET6, '::'), (socket.AF_INET, '127.0.0.1'), (socket.AF_INET, '${VIP}'), (socket.AF_INET6, '::1')):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try: s.bind((address, 5300)); print('taken', address)
    except OSError: pass`;
    expect(rs.must(['python3', '-c', squat])).toBe('');
  }));

it.each([5300, 53])('takes over port %i from systemd: what waited is not answered, a drain holds', (port) =>
  withNetwork(async (net) => {
    const folder = mkdtempSync(join(tmpdir(), 'rsprep-manager-'));
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'manager.py'), MANAGER);
    net.onEnd(() => rmSync(folder, { recursive: true }));
    const rsprep = agentOn(net, net.rs, config({ port, interval: '300ms', lease: '1s' }));
    expect(rsprep.run('apply').code).toBe(0);
    const argv = ['python3', join(folder, 'manager.py'), String(port), ...rsprep.argv('respond')];
    const responder = net.rs.start(argv);
    try {
      let said = '';
      responder.child.stdout?.on('data', (text: string) => {
        said += text;
      });
      await expect.poll(() => said, { timeout: 5000 }).toContain('held');
      const asked = net.director.start(['python3', '-c', ASK, RIP, String(port), '4', '5']);
      await sleep(500);
      responder.child.stdin?.write('go\n');
      expect((await asked.done).stdout.trim()).toBe('0');
      const ask = (target: string): number | null =>
        net.director.run(rsprep.argv('ask', `${target}:${port}`, '--timeout', '300ms')).code;
      await expect.poll(() => ask(RIP), { timeout: 10_000 }).toBe(0);
      expect(net.rs.run(rsprep.argv('ask', `127.0.0.1:${port}`, '--timeout', '300ms')).code).toBe(0);
      expect(rsprep.run('drain', '--reason', 'x').code).toBe(0);
      await expect.poll(() => ask(RIP), { timeout: 5000 }).not.toBe(0);
    } finally {
      responder.child.kill('SIGKILL');
      await responder.done;
    }
  }),
);
