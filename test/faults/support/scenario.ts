// One command from one state of the host, and what every disturbed run of it must hold to.
import { existsSync, rmSync } from 'node:fs';
import type { Outcome } from '../../support/process.ts';
import { findingsOf } from '../../support/rsprep.ts';
import { type Snapshot, snapshot } from '../../support/snapshot.ts';
import { tool } from '../../support/tools.ts';
import { type Call, type Case, faultOptions, readCalls } from './calls.ts';
import {
  difference,
  filesOf,
  keep,
  kernelNow,
  leak,
  ledgerOf,
  putBack,
  type State,
  type Subject,
  settled,
  watchdogs,
} from './host.ts';

export interface Scenario {
  readonly name: string;
  /** Brings the host, which is as it was found, into the state in which the command is run. */
  prepare(subject: Subject): void;
  /** Said again before every run, such as a watchdog that has to be there; the state is put back before. */
  each?(subject: Subject): void;
  words(subject: Subject): readonly string[];
  /** Exit code of an undisturbed run. */
  readonly code: number;
  /** Exit codes of the same command after a disturbed run. */
  readonly again: readonly number[];
  /** The VIP is answered for before the command is run. */
  readonly leaks: boolean;
  /** What 0 promises of the ledger. */
  readonly promises: 'applied' | 'waiting' | 'nothing' | 'unchanged';
}

export interface Stage {
  readonly subject: Subject;
  readonly scenario: Scenario;
  readonly pristine: State;
  readonly state: State;
  /** What an undisturbed run leaves, and which files are there after the remove that follows. */
  readonly goal: Snapshot;
  readonly leftovers: ReadonlySet<string>;
  readonly calls: readonly Call[];
  /** States after which all was well already: the same state needs no second look. */
  readonly proven: Set<string>;
}

/** An undisturbed run, counted: what the disturbed ones are compared with. */
export async function stage(subject: Subject, scenario: Scenario, pristine: State): Promise<Stage> {
  await putBack(subject, pristine);
  scenario.prepare(subject);
  const state = keep(subject);
  await arrange(subject, scenario, state);
  const { outcome, calls } = await runUnder(subject, scenario, null);
  const goal = snapshot(subject.net.rs);
  const half = { subject, scenario, pristine, state, goal, calls, proven: new Set<string>() };
  if (outcome.code !== scenario.code) throw new Error(`undisturbed, it ended with ${shown(outcome)}`);
  const wrong = await followUp({ ...half, leftovers: new Set() });
  const leftovers = new Set([...filesOf(subject).keys()].map(nameless));
  const others = wrong.filter((line) => !line.startsWith('left behind'));
  if (others.length > 0) throw new Error(`undisturbed, ${others.join('\n')}`);
  return { ...half, leftovers };
}

interface Ran {
  readonly outcome: Outcome;
  readonly calls: readonly Call[];
}

async function arrange(subject: Subject, scenario: Scenario, state: State): Promise<Snapshot> {
  await putBack(subject, state);
  scenario.each?.(subject);
  return scenario.each ? snapshot(subject.net.rs) : state.kernel;
}

async function runUnder(subject: Subject, scenario: Scenario, one: Case | null): Promise<Ran> {
  const { agent } = subject;
  const log = `${agent.root}.calls`;
  rmSync(log, { force: true });
  const options = ['--log', log, '--after', 'rsprep-program.cjs', ...(one ? faultOptions(one) : [])];
  const argv = [tool('syscallfault'), ...options, '--', ...agent.argv(...scenario.words(subject))];
  const outcome = await agent.host.start(argv, { timeoutMs: 60_000, input: '' }).done;
  await settled(subject);
  const calls = readCalls(log);
  rmSync(log);
  return { outcome, calls };
}

export interface Verdict {
  readonly outcome: Outcome;
  /** The call came; it may not, where threads take turns. */
  readonly hit: Call | null;
  readonly wrong: readonly string[];
}

export async function disturb(at: Stage, one: Case): Promise<Verdict> {
  const { subject, scenario, state } = at;
  const { flood } = subject;
  const found = await arrange(subject, scenario, state);
  const before = await flood.mark();
  const { outcome, calls } = await runUnder(subject, scenario, one);
  const kernel = await kernelNow(subject, [at.goal, found]);
  const after = await flood.mark();
  const [hit = null] = calls;
  const wrong = [...judgeRun(at, { ...one, call: hit ?? one.call }, outcome, found, kernel)];
  const heard = after.replies - before.replies + after.requestsWithSenderVip - before.requestsWithSenderVip;
  if (!scenario.leaks && heard > 0) wrong.push(`the VIP was answered for ${heard} times during the run`);
  if (after.kernelDrops > 0) wrong.push('the peer could not count all frames');
  const key = keyOf(at, kernel);
  if (!at.proven.has(key)) {
    const later = await followUp(at);
    if (later.length === 0) at.proven.add(key);
    wrong.push(...later);
  }
  return { outcome, hit, wrong };
}

const DOCUMENTED = [0, 1, 2, 3, 4, 5, 64, 75, 77, 78];

function* judgeRun(
  { subject, scenario, goal }: Stage,
  one: Case,
  outcome: Outcome,
  found: Snapshot,
  kernel: Snapshot,
): Generator<string> {
  const said = `${outcome.stdout}${outcome.stderr}`;
  const mayDie =
    one.fault === 'kill-main' || one.fault === 'kill-all' || (one.fault === 'kill-call' && one.call.by === 'main');
  if (outcome.code === null && !(mayDie && outcome.signal === 'SIGKILL')) yield `it was ended by ${outcome.signal}`;
  if (outcome.code !== null && !DOCUMENTED.includes(outcome.code)) yield `it ended with ${outcome.code}`;
  if (/this is a bug/.test(said) || /^ {4}at .+:\d+:\d+/m.test(said))
    yield 'it called itself a bug, or showed a stack trace';
  const open = leak(kernel);
  if (open !== null && !scenario.leaks) yield `a leak is open: ${open}`;
  const changed = difference(found, kernel);
  if (/nothing was (changed|deleted)|changed nothing/.test(said) && changed.length > 0)
    yield `it says that nothing was changed:\n${changed.join('\n')}`;
  if (outcome.code === 4 && changed.length > 0 && !/kept/.test(said))
    yield `it says that all is rolled back:\n${changed.join('\n')}`;
  if (scenario.promises === 'unchanged' && changed.length > 0) yield `it changes nothing, but:\n${changed.join('\n')}`;
  if (outcome.code === 0) {
    if (open !== null) yield `it ended with 0, and a leak is open: ${open}`;
    const off = difference(goal, kernel);
    if (off.length > 0) yield `it ended with 0, and this is not as an undisturbed run leaves it:\n${off.join('\n')}`;
  }
  yield* judgeLedger(subject, scenario, outcome, changed.length > 0);
}

function* judgeLedger(subject: Subject, scenario: Scenario, { code }: Outcome, changed: boolean): Generator<string> {
  let ledger: ReturnType<typeof ledgerOf>;
  try {
    ledger = ledgerOf(subject);
  } catch (error) {
    yield `the ledger is torn: ${error instanceof Error ? error.message : error}`;
    return;
  }
  const waits = ledger?.unconfirmed ?? null;
  const armed = watchdogs(subject).length > 0;
  if (code === 0) {
    if (scenario.promises === 'applied' && (!ledger?.applied || ledger.intent !== null || waits))
      yield `it ended with 0, and the ledger is ${JSON.stringify(ledger)}`;
    if (scenario.promises === 'waiting' && !waits) yield 'it ended with 0, and nothing waits for a confirmation';
    if (scenario.promises === 'nothing' && (ledger?.addresses.length ?? 0) > 0)
      yield `it ended with 0, and the ledger still holds addresses: ${JSON.stringify(ledger?.addresses)}`;
  }
  if (scenario.name === 'apply-confirm' && changed && !armed)
    yield 'the host was changed, and no watchdog waits to take it back';
  if (scenario.name === 'confirm' && waits && !armed) yield 'it is not confirmed, and no watchdog waits any more';
  if (scenario.name === 'confirm' && !waits && !(ledger?.applied && isPersisted(subject)))
    yield `nothing waits any more, and it is not confirmed: ${JSON.stringify(ledger)}`;
}

const isPersisted = ({ agent }: Subject): boolean => existsSync(agent.file('etc/sysctl.d/99-zz-rsprep.conf'));

/** Without faults: the same command, then apply, verify and remove put everything right. */
async function followUp(at: Stage): Promise<readonly string[]> {
  const { subject, scenario, pristine } = at;
  const { agent, flood } = subject;
  const run = (...words: readonly string[]): Outcome => agent.run(...words);
  const expect = (what: string, outcome: Outcome, codes: readonly number[]): readonly string[] =>
    outcome.code !== null && codes.includes(outcome.code)
      ? []
      : [`${what} afterwards: expected ${codes.join(' or ')}, got ${shown(outcome)}`];
  let before = await flood.mark();
  const again = expect(`the same command`, run(...scenario.words(subject)), scenario.again);
  if (again.length > 0) return again;
  if (ledgerOf(subject)?.unconfirmed) {
    const back = expect('confirm --revert', run('confirm', '--revert'), [0]);
    const left = difference(pristine.kernel, await kernelNow(subject, [pristine.kernel]));
    if (back.length > 0) return back;
    if (left.length > 0) return [`after confirm --revert the host is not as it was before:\n${left.join('\n')}`];
  }
  const applied = expect('apply', run('apply'), [0]);
  if (applied.length > 0) return applied;
  const open = leak(snapshot(agent.host));
  if (open !== null) return [`apply ended with 0, and ${open}`];
  if (scenario.leaks) before = await flood.mark();
  const verify = run('verify', '--format', 'json');
  const found = findingsOf(verify).map(({ id }) => id);
  if (verify.code !== 0) return [`verify after apply: ${verify.code}, ${found.join(', ')}`];
  const removed = expect('remove', run('remove', '--drain-wait', '0s'), [0]);
  if (removed.length > 0) return removed;
  const left = difference(pristine.kernel, await kernelNow(subject, [pristine.kernel]));
  const after = await flood.mark();
  const heard = after.replies - before.replies + after.requestsWithSenderVip - before.requestsWithSenderVip;
  const strange = [...filesOf(subject).keys()].filter((path) => !at.leftovers.has(nameless(path)));
  return [
    ...(left.length > 0 ? [`after remove the host is not as it was before:\n${left.join('\n')}`] : []),
    ...(heard > 0 ? [`the VIP was answered for ${heard} times by the runs that put it right`] : []),
    ...(strange.length > 0 ? [`left behind after remove: ${strange.join(', ')}`] : []),
  ];
}

/** Journals and set-aside files carry numbers. */
const nameless = (path: string): string => path.replaceAll(/\d{3,}/g, '#');

/** All that a later run can see, but for times and numbers of processes. */
function keyOf({ subject, scenario }: Stage, kernel: Snapshot): string {
  const files = [...filesOf(subject)].map(([path, content]) => [nameless(path), timeless(content)]);
  return JSON.stringify([scenario.name, kernel, files, watchdogs(subject).length]);
}

const timeless = (content: string): string =>
  content
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'U')
    .replaceAll(/"(pid|ms|fromMs|untilMs|token)":("[^"]*"|[\d.]+)/g, '"$1":#')
    .replaceAll(/^(rsprep_\w*seconds\S*) .*$/gm, '$1 #');

export const shown = ({ code, signal, stdout, stderr }: Outcome): string =>
  `${code ?? signal}:\n${`${stdout}${stderr}`.trim().slice(0, 1500)}`;
