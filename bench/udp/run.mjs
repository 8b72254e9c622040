// The UDP socket against C and node:dgram, interleaved: one server at a time has a core to itself, the client the other one.
//   node bench/udp/run.mjs [--rounds N]
// A round in which somebody else took the cores is made again; figures are medians of the ratios within a round.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ENV, median, must } from '../measure.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const tools = join(root, 'build/tools');
const bundle = join(root, 'dist/udp.cjs');
const [CLIENT_CORE, SERVER_CORE] = [0, 1];
/** Part of its core that the busier side must have had for a round to count. */
const ALONE = 0.97;
const MOST_TRIES = 6;
/** Paced load that is not measured, after a server was stopped. */
const SETTLE_SECONDS = 3;

const SERVERS = {
  c: ['C, recvmmsg/sendmmsg 64, PKTINFO'],
  events: ['rsprep/udp, message and reply()', 'events'],
  native: ['rsprep/udp, native answers, guarded', 'native'],
  dgram: ['node:dgram (answers from the RIP)', 'dgram'],
};

/** @returns what was measured: requests a second and ratios, p99 in microseconds and ratios */
export async function run({ rounds = 5, write = (line) => process.stdout.write(`${line}\n`) } = {}) {
  if (availableParallelism() < 2)
    throw new Error('this benchmark needs two cores: one for the server, one for the client');
  const programs = compile();
  const servers = {};
  try {
    for (const [name, [, kind]] of Object.entries(SERVERS)) servers[name] = await start(programs, kind);
    servers.blocked = await start(programs, 'native', 'blocked');
    servers.blockedEvents = await start(programs, 'events', 'blocked');
    const alone = Object.keys(SERVERS);
    pause(Object.values(servers));
    for (const name of alone) load(programs, servers[name], 'window', 128, 1); // compiled by then
    const window = await series(rounds, alone, (name) => load(programs, servers[name], 'window', 128, 1));
    const pace = await series(rounds, alone, (name) => load(programs, servers[name], 'pace', 20_000, 1));
    const blocked = await series(rounds, ['blocked', 'blockedEvents'], (name) =>
      load(programs, servers[name], 'pace', 20_000, 2),
    );
    return report(write, window, pace, blocked);
  } finally {
    for (const server of Object.values(servers)) server.child.kill('SIGKILL');
  }
}

function compile() {
  mkdirSync(tools, { recursive: true });
  const build = (name) => {
    const output = join(tools, `bench-udp-${name}`);
    must('cc', ['-O2', '-Wall', '-Wextra', '-o', output, join(here, `${name}.c`)]);
    return output;
  };
  return { echo: build('echo'), load: build('load') };
}

async function start(programs, kind, blocked) {
  const program = kind === undefined ? [programs.echo] : [process.execPath, join(here, 'server.cjs'), bundle, kind];
  const argv = ['-c', String(SERVER_CORE), ...program, ...(blocked === undefined ? [] : [blocked])];
  const child = spawn('taskset', argv, { env: ENV, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (text) => resolve([text]));
    child.once('exit', (code) => reject(new Error(`${program.join(' ')} ended with ${code}`)));
  });
  return { child, port: Number(line) };
}

/** Stopped servers take nothing of the core from the one that is measured. */
function pause(servers) {
  for (const { child } of servers) child.kill('SIGSTOP');
}

function load(programs, server, mode, number, seconds) {
  server.child.kill('SIGCONT');
  spawnSync('sleep', ['0.05']);
  const wordsFor = (time) => [
    '-c',
    String(CLIENT_CORE),
    programs.load,
    String(server.port),
    mode,
    String(number),
    String(time),
  ];
  // Once it goes on, a Node that was stopped marks its heap twice (V8's memory reducer), in threads that share its one core: 6 ms of
  // each of the first two seconds, measured. A server at work does not.
  if (mode === 'pace') must('taskset', wordsFor(SETTLE_SECONDS));
  const before = cpuNs(server.child.pid);
  const started = process.hrtime.bigint();
  const result = JSON.parse(must('taskset', wordsFor(seconds)));
  const wallNs = Number(process.hrtime.bigint() - started);
  const serverShare = (cpuNs(server.child.pid) - before) / (seconds * 1e9);
  server.child.kill('SIGSTOP');
  // In a window the server is saturated and what it lacks of its core somebody else had; pacing, the client always spins.
  const share = mode === 'window' ? serverShare : result.cpuShare;
  return { ...result, share, wallNs, perCpuSecond: result.perSecond / Math.max(serverShare, 0.01) };
}

/** Time on a core of all threads, nanoseconds (Documentation/scheduler/sched-stats.rst). */
function cpuNs(pid) {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]))
    .reduce((sum, ns) => sum + ns, 0);
}

async function series(rounds, names, measure) {
  const kept = [];
  let busy = 0;
  for (let tries = 0; kept.length < rounds && tries < rounds * MOST_TRIES; tries++) {
    const round = Object.fromEntries(names.map((name) => [name, measure(name)]));
    const alone = Object.values(round).every(({ share }) => share >= ALONE);
    if (alone || rounds * MOST_TRIES - tries <= rounds - kept.length) kept.push(round);
    if (!alone) busy++;
  }
  return { kept, busy };
}

function report(write, window, pace, blocked) {
  const of = (set, name, field) => set.kept.map((round) => round[name][field]);
  const ratio = (set, name, base, field) => median(set.kept.map((round) => round[name][field] / round[base][field]));
  const figures = {
    perSecond: {},
    perCpuSecond: {},
    p50Us: {},
    p99Us: {},
    busyRounds: [window.busy, pace.busy, blocked.busy],
  };
  write('UDP, 64-byte requests over loopback, window 128, server alone on one core');
  write('                                        requests/s    of C   per CPU s    of C');
  for (const [name, [title]] of Object.entries(SERVERS)) {
    figures.perSecond[name] = median(of(window, name, 'perSecond'));
    figures.perCpuSecond[name] = median(of(window, name, 'perCpuSecond'));
    const both = [ratio(window, name, 'c', 'perSecond'), ratio(window, name, 'c', 'perCpuSecond')].map((r) =>
      r.toFixed(2).padStart(7),
    );
    write(
      `  ${title.padEnd(38)}${figures.perSecond[name].toFixed(0).padStart(9)} ${both[0]}  ${figures.perCpuSecond[name].toFixed(0).padStart(9)} ${both[1]}`,
    );
  }
  write('at 20 000 requests/s                     p50 µs   p99 µs  p99 of C');
  for (const [name, [title]] of Object.entries(SERVERS)) {
    figures.p50Us[name] = median(of(pace, name, 'p50Us'));
    figures.p99Us[name] = median(of(pace, name, 'p99Us'));
    const times = ratio(pace, name, 'c', 'p99Us').toFixed(2);
    write(
      `  ${title.padEnd(38)}${figures.p50Us[name].toFixed(1).padStart(7)}  ${figures.p99Us[name].toFixed(1).padStart(7)}  ${times.padStart(8)}`,
    );
  }
  figures.blockedP99Us = median(of(blocked, 'blocked', 'p99Us'));
  figures.blockedEventsP99Us = median(of(blocked, 'blockedEvents', 'p99Us'));
  write(
    `with JavaScript blocked 20 ms in every 200: p99 ${figures.blockedP99Us.toFixed(0)} µs native, ${figures.blockedEventsP99Us.toFixed(0)} µs events`,
  );
  const goals = [
    ['events of C', ratio(window, 'events', 'c', 'perSecond'), 0.9, '≥'],
    ['events of dgram', ratio(window, 'events', 'dgram', 'perSecond'), 1.7, '≥'],
    ['native of C', ratio(window, 'native', 'c', 'perSecond'), 0.95, '≥'],
    ['p99 of events of C', ratio(pace, 'events', 'c', 'p99Us'), 1.25, '≤'],
    ['p99 of native of C', ratio(pace, 'native', 'c', 'p99Us'), 1.25, '≤'],
    ['p99 of native with JavaScript blocked, ms', figures.blockedP99Us / 1000, 3, '≤'],
  ];
  for (const [what, value, goal, sign] of goals) {
    const met = sign === '≥' ? value >= goal : value <= goal;
    write(`  ${met ? 'met   ' : 'MISSED'} ${what}: ${value.toFixed(2)}, wanted ${sign} ${goal}`);
  }
  const [a, b, c] = figures.busyRounds;
  if (a + b + c > 0) write(`  rounds in which the machine was busy otherwise: ${a}, ${b} and ${c} of each kind`);
  return { ...figures, goals };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const at = process.argv.indexOf('--rounds');
  await run({ rounds: at < 0 ? 5 : Number(process.argv[at + 1]) });
}
