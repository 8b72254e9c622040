// Whole-process time of `rsprep verify` with 1, 100 and 1 000 VIPs and with 2 and 200 interfaces, as ratios to `node -e 0` in the
// same run, interleaved; and of `apply` with 1 000 VIPs against a shell loop of `ip address add`.
// Runs itself in a network namespace of its own: `unshare -n node bench/verify.mjs`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { interleave, must, ratio, row } from './measure.mjs';

const BUNDLE = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist/rsprep.cjs');
const ROUNDS = Number(process.env.RSPREP_BENCH_ROUNDS ?? '25');

if (process.env.RSPREP_BENCH_INSIDE !== '1') {
  const { status } = spawnSync('unshare', ['-n', process.execPath, fileURLToPath(import.meta.url)], {
    stdio: 'inherit',
    env: { ...process.env, RSPREP_BENCH_INSIDE: '1' },
  });
  process.exit(status ?? 1);
}

const folder = mkdtempSync(join(tmpdir(), 'rsprep-bench-'));
const ip = (lines) => must('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
const vip = (i) => `198.18.${Math.floor(i / 250)}.${(i % 250) + 1}`;

function configuration(vips) {
  const file = join(folder, `${vips}.yaml`);
  const list = Array.from({ length: vips }, (_, i) => `  - ${vip(i)}`);
  writeFileSync(file, `version: 1\nvips:\n${list.join('\n')}\n`, { mode: 0o644 });
  return file;
}

function addInterfaces(from, to) {
  const pairs = [];
  for (let i = from; i < to; i += 2)
    pairs.push(`link add b${i} type veth peer name b${i + 1}`, `link set b${i} up`, `link set b${i + 1} up`);
  ip(pairs);
}

const rsprep = (vips, command) => [
  process.execPath,
  BUNDLE,
  '--root',
  join(folder, `root-${vips}`),
  '-c',
  configuration(vips),
  ...command,
];
const run = ([program, ...args]) => must(program, args);

function benchApply() {
  const rounds = Math.max(3, Math.round(ROUNDS / 8));
  const loop = `for i in $(seq 0 999); do ip address add 198.18.$((i / 250)).$((i % 250 + 1))/32 dev lo scope host; done`;
  const times = { apply: [], loop: [] };
  for (let i = 0; i < rounds; i += 1) {
    const [[apply]] = interleave(1, [rsprep(1000, ['apply'])]);
    run(rsprep(1000, ['remove']));
    const [[shell]] = interleave(1, [['sh', '-c', loop]]);
    must('ip', ['address', 'flush', 'dev', 'lo', 'scope', 'host', 'to', '198.18.0.0/15']);
    times.apply.push(apply);
    times.loop.push(shell);
  }
  console.log(`\napply of 1 000 VIPs, ${rounds} rounds, median in ms`);
  console.log(row('rsprep apply', times.apply, 1));
  console.log(row('shell loop of `ip address add`', times.loop, ratio(times.loop, times.apply)));
}

try {
  ip(['link set lo up']);
  addInterfaces(0, 2);
  ip(['address add 10.0.0.11/24 dev b0']);
  console.log(`\nverify, ${ROUNDS} rounds, whole process, median in ms (ratio to \`node -e 0\` in the same rounds)`);
  for (const interfaces of [2, 200]) {
    if (interfaces > 2) addInterfaces(2, interfaces);
    for (const vips of [1, 100, 1000]) {
      run(rsprep(vips, ['apply']));
      const [node, verify] = interleave(ROUNDS, [[process.execPath, '-e', '0'], rsprep(vips, ['verify'])]);
      console.log(row(`${vips} VIPs, ${interfaces} interfaces`, verify, ratio(verify, node)));
      run(rsprep(vips, ['remove']));
    }
    if (interfaces === 2) benchApply();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
