// Whole-process time of `rsprep verify` with everything on: ten VIPs with a TCP and a UDP service each, a director, a gateway, the
// firewall's rules, four interfaces and 200 listening sockets, one of them a wildcard UDP socket that must be asked for IP_PKTINFO;
// as a ratio to `node -e 0` in the same run, interleaved. Runs itself in a network namespace of its own.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ENV, interleave, must, ratio, row } from './measure.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const BUNDLE = join(dirname(here), 'dist/rsprep.cjs');
const ROUNDS = Number(process.env.RSPREP_BENCH_ROUNDS ?? '25');
const GOAL = 3;
const VIPS = Array.from({ length: 10 }, (_, i) => `198.18.0.${i + 1}`);
const RIP = '10.0.0.11';
const SOCKETS = 200;

if (process.env.RSPREP_BENCH_INSIDE !== '1') {
  const { status } = spawnSync('unshare', ['-n', process.execPath, fileURLToPath(import.meta.url)], {
    stdio: 'inherit',
    env: { ...ENV, RSPREP_BENCH_INSIDE: '1' },
  });
  process.exit(status ?? 1);
}

/** One wildcard UDP socket with IP_PKTINFO for all VIPs, TCP on each VIP, and others on the RIP. */
const LISTENERS = `
  const net = require('node:net');
  const dgram = require('node:dgram');
  const { createSocket } = require(${JSON.stringify(join(dirname(here), 'dist/udp.cjs'))});
  const opened = [];
  const tcp = (host, port) => opened.push(new Promise((ready) => net.createServer().listen({ host, port }, ready)));
  const udp = (address, port) => opened.push(new Promise((ready) => dgram.createSocket('udp4').bind({ address, port }, ready)));
  opened.push(new Promise((ready) => createSocket({ type: 'udp4' }).bind(53, ready)));
  for (const vip of ${JSON.stringify(VIPS)}) tcp(vip, 80);
  for (let port = 20000; opened.length < ${SOCKETS}; port++) (port % 2 ? tcp : udp)('${RIP}', port);
  Promise.all(opened).then(() => console.log('ready'));
`;

const RULES = `table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    iifname "lo" accept
    ip daddr 198.18.0.0/24 tcp dport { 80, 443 } accept
    ip daddr 198.18.0.0/24 udp dport 53 accept
    ip protocol icmp accept
${Array.from({ length: 20 }, (_, i) => `    ip saddr 192.0.2.${i} tcp dport ${1000 + i} accept`).join('\n')}
  }
}
`;

const folder = mkdtempSync(join(tmpdir(), 'rsprep-bench-'));
const ip = (lines) => must('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
const file = join(folder, 'rsprep.yaml');
const rsprep = (command) => [process.execPath, BUNDLE, '--root', join(folder, 'root'), '-c', file, command];
let listeners;
try {
  ip([
    ...['link set lo up', 'link add n0 type veth peer name n1', 'link add n2 type veth peer name n3'],
    ...['n0', 'n1', 'n2', 'n3'].map((name) => `link set ${name} up`),
    ...[`address add ${RIP}/24 dev n0`, 'route add default via 10.0.0.1 dev n0'],
  ]);
  must('nft', ['-f', '-'], RULES);
  const services = ['tcp/80', 'udp/53'];
  const vips = VIPS.map((address) => ({ address, services }));
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ version: 1, vips, rip: RIP, directors: ['10.0.0.2'] }), { mode: 0o644 });
  const [program, ...args] = rsprep('apply');
  must(program, args);
  listeners = spawn(process.execPath, ['-e', LISTENERS], { stdio: ['ignore', 'pipe', 'inherit'], env: ENV });
  await new Promise((resolve, reject) => {
    listeners.stdout.once('data', resolve);
    listeners.once('exit', (code) => reject(new Error(`the listening sockets could not be opened: exit ${code}`)));
  });
  const [node, verify] = interleave(ROUNDS, [[process.execPath, '-e', '0'], rsprep('verify')]);
  console.log(`\nverify with everything on, ${ROUNDS} rounds, whole process, median in ms (ratio to \`node -e 0\`)`);
  console.log(row('10 VIPs, 4 interfaces, 200 sockets', verify, ratio(verify, node)));
  console.log(`  ${ratio(verify, node) <= GOAL ? 'met   ' : 'MISSED'} wanted ≤ ${GOAL}`);
} finally {
  listeners?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
