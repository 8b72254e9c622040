// What each command costs with 100 VIPs in place, against a Node that does nothing, started the same way: user and system CPU time of
// the whole process and its children, which a busy machine changes least, the smallest of interleaved runs; and the median wall time.
// Runs itself in a network namespace of its own: `node bench/commands.mjs`. RSPREP_BUNDLE names another program to measure.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ENV, median, must } from './measure.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const BUNDLE = process.env.RSPREP_BUNDLE ?? join(dirname(here), 'dist/rsprep.cjs');
const ROUNDS = Number(process.env.RSPREP_BENCH_ROUNDS ?? '25');
/** Only the rows whose names have one of these in them. */
const ONLY = process.argv.slice(2);
const VIPS = Array.from({ length: 100 }, (_, i) => `198.18.0.${i + 1}`);
/** As rsprep-report.service starts it. */
const JITLESS = ['--jitless', '--no-expose-wasm'];
/** The aims, as multiples of a bare Node. */
const [AIM, AIM_OF_EVERY_MINUTE] = [2.2, 2.1];

if (process.env.RSPREP_BENCH_INSIDE !== '1') {
  const argv = ['-n', process.execPath, fileURLToPath(import.meta.url), ...ONLY];
  const { status } = spawnSync('unshare', argv, { stdio: 'inherit', env: { ...ENV, RSPREP_BENCH_INSIDE: '1' } });
  process.exit(status ?? 1);
}

const folder = mkdtempSync(join(tmpdir(), 'rsprep-bench-'));
const file = join(folder, 'rsprep.yaml');
const rsprep = (words, options = []) => [process.execPath, ...options, BUNDLE, ...words];
const with100 = (...words) => [...words, '--root', join(folder, 'root'), '-c', file];
const bare = { name: 'node -e 0', argv: [process.execPath, '-e', '0'], aim: null };
const bareJitless = { name: 'node --jitless -e 0', argv: [process.execPath, ...JITLESS, '-e', '0'], aim: null };

const plain = (name, words, aim = AIM) => ({ name, argv: rsprep(words), aim, base: bare });
const ROWS = [
  plain('--version', ['--version']),
  plain('--help', ['--help']),
  plain('verify', with100('verify'), AIM_OF_EVERY_MINUTE),
  plain('plan', with100('plan')),
  plain('apply, nothing to do', with100('apply')),
  plain('report', with100('report'), AIM_OF_EVERY_MINUTE),
  plain('check', with100('check')),
  plain('status', with100('status')),
  plain('explain', ['explain', 'arp-ignore']),
  plain('ask', ['ask', '127.0.0.1']),
  { name: 'report, --jitless', argv: rsprep(with100('report'), JITLESS), aim: AIM_OF_EVERY_MINUTE, base: bareJitless },
];

/** One run under bash's `time`, which counts the children waited for too. @returns milliseconds of processor and of wall time */
function run({ argv }) {
  const script = 'TIMEFORMAT="%3U %3S"; time "$@" >/dev/null 2>&1 </dev/null';
  const startedMs = performance.now();
  const { status, stderr } = spawnSync('bash', ['-c', script, 'bash', ...argv], { env: ENV, encoding: 'utf8' });
  const wallMs = performance.now() - startedMs;
  if (status !== 0) throw new Error(`${argv.join(' ')}: exit ${status}`);
  const [user, system] = stderr.trim().split(' ').map(Number);
  return { cpuMs: (user + system) * 1000, wallMs };
}

async function startResponder() {
  const responder = spawn(process.execPath, rsprep(with100('respond', '--allow', '127.0.0.1')).slice(1), {
    stdio: 'ignore',
    env: ENV,
  });
  for (let tries = 0; tries < 20; tries += 1) {
    const [program, ...args] = rsprep(['ask', '127.0.0.1']);
    if (spawnSync(program, args, { env: ENV }).status === 0) return responder;
  }
  responder.kill();
  throw new Error('the responder does not answer');
}

function measure(rows) {
  const samples = new Map(rows.map((row) => [row, []]));
  for (let round = 0; round < ROUNDS; round += 1) for (const row of rows) samples.get(row).push(run(row));
  return (row) => ({
    cpuMs: Math.min(...samples.get(row).map(({ cpuMs }) => cpuMs)),
    wallMs: median(samples.get(row).map(({ wallMs }) => wallMs)),
  });
}

function show(rows, of) {
  const cells = (values) => values.map((value) => value.padStart(10)).join('');
  console.log(
    `\nevery command, 100 VIPs, ${ROUNDS} rounds: CPU time in ms (smallest), its ratio to a bare Node, wall time (median)`,
  );
  console.log(`  ${'command'.padEnd(22)}${cells(['CPU', 'ratio', 'aim', 'wall', ''])}`);
  let missed = 0;
  for (const row of rows) {
    const { cpuMs, wallMs } = of(row);
    const ratio = cpuMs / of(row.base ?? row).cpuMs;
    const isMissed = row.aim !== null && ratio > row.aim;
    if (isMissed) missed += 1;
    const aim = row.aim === null ? ['', ''] : [`≤ ${row.aim.toFixed(1)}`, isMissed ? 'MISSED' : 'met'];
    console.log(
      `  ${row.name.padEnd(22)}${cells([cpuMs.toFixed(0), ratio.toFixed(2), aim[0], wallMs.toFixed(0), aim[1]])}`,
    );
  }
  return missed;
}

let responder;
let missed = 0;
try {
  const setUp = ['link set lo up', 'link add b0 type veth peer name b1', 'link set b0 up', 'link set b1 up'];
  must('ip', ['-batch', '-'], [...setUp, 'address add 10.0.0.11/24 dev b0', ''].join('\n'));
  writeFileSync(file, `version: 1\nvips:\n${VIPS.map((vip) => `  - ${vip}\n`).join('')}`, { mode: 0o644 });
  const [program, ...args] = rsprep(with100('apply'));
  must(program, args);
  responder = await startResponder();
  const wanted = ONLY.length === 0 ? ROWS : ROWS.filter(({ name }) => ONLY.some((word) => name.includes(word)));
  const rows = [bare, ...(wanted.some(({ base }) => base === bareJitless) ? [bareJitless] : []), ...wanted];
  missed = show(rows, measure(rows));
} finally {
  responder?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
process.exit(missed === 0 ? 0 : 1);
