// What a test run comes to, from what its tiers say: a pure function, so that test/unit/runner.test.ts can hold it to every case.

/**
 * So many tests may need a second try in one run; with one more the machine, or a test, is not to be believed. Two is the aim: the deadlines that
 * slow machines miss are not all known yet.
 */
export const MOST_RETRIED = 5;

/** A test that cannot run says so in its name or that of its group; any other skipped test is a mistake. */
const REASON = /\(not run: ([^)]*)\)/;

/**
 * One tier's outcome from the lines of its result file.
 * @param {readonly object[]} lines of the reporter; empty where vitest ended before it said anything
 * @param {number | null} status exit status of vitest
 */
export function outcomeOf(lines, status) {
  const files = lines.filter((line) => line.file !== undefined);
  const end = lines.find((line) => line.end !== undefined);
  const tests = files.flatMap(({ file, tests }) => tests.map((test) => ({ ...test, file })));
  const called = ({ file, name }) => `${file}: ${name}`;
  const failures = [
    ...tests.filter(({ state }) => state === 'failed').map((test) => `failed ${called(test)}`),
    ...files.flatMap(({ file, errors: [first] }) =>
      first === undefined ? [] : [`failed ${file}: ${firstLine(first)}`],
    ),
    ...(end?.errors ?? []).map((text) => `failed outside of any test: ${firstLine(text)}`),
  ];
  const skipped = tests.filter(({ state }) => state === 'skipped' || state === 'pending');
  // Where a hook failed, all below it was skipped for that reason, and that is one failure already.
  const broken = new Set(files.filter(({ errors }) => errors.length > 0).map(({ file }) => file));
  for (const test of skipped)
    if (!REASON.test(test.name) && !broken.has(test.file))
      failures.push(`failed ${called(test)}: skipped without a reason`);
  const passed = tests.filter(({ state }) => state === 'passed');
  if (end === undefined) failures.push(`failed: vitest ended with ${status ?? 'a signal'} before it was through`);
  else if (tests.length === 0) failures.push('failed: there was no test');
  else if (status !== 0 && failures.length === 0) failures.push(`failed: vitest ended with ${status ?? 'a signal'}`);
  return {
    passed: passed.length,
    failures,
    notRun: skipped
      .filter(({ name }) => REASON.test(name))
      .map((test) => ({
        what: called(test).replace(REASON, '').replace(/ +/g, ' ').trim(),
        why: REASON.exec(test.name)[1],
      })),
    retried: passed.filter(({ retries }) => retries > 0).map(called),
  };
}

const firstLine = (text) => text.trim().split('\n')[0];

/** Of a tier that lacks something. */
export const notRunTier = (why) => ({ passed: 0, failures: [], notRun: [{ what: null, why }], retried: [] });

/**
 * @param {readonly { name: string, seconds: number, outcome: ReturnType<typeof outcomeOf> }[]} tiers
 * @param {{ all: boolean }} options `all`: what was not run counts as failed
 * @returns {{ lines: readonly string[], exitCode: 0 | 1 }}
 */
export function verdict(tiers, { all }) {
  const lines = [''];
  let [passed, failed, retried] = [0, 0, 0];
  for (const { name, seconds, outcome } of tiers) {
    passed += outcome.passed;
    failed += outcome.failures.length + (all ? outcome.notRun.length : 0);
    retried += outcome.retried.length;
    lines.push(`${name.padEnd(10)}${summary(outcome, seconds)}`);
  }
  for (const { name, outcome } of tiers) {
    for (const what of outcome.retried) lines.push(`${name}: passed on its second try: ${what}`);
    for (const { what, why } of outcome.notRun)
      if (all && what !== null) lines.push(`${name}: not run, ${why}: ${what}`);
    for (const what of outcome.failures) lines.push(`${name}: ${what}`);
  }
  if (retried > MOST_RETRIED) {
    failed += 1;
    lines.push(`failed: ${retried} tests needed a second try; more than ${MOST_RETRIED} in a run count as one failure`);
  }
  if (all && tiers.some(({ outcome }) => outcome.notRun.length > 0))
    lines.push('RSPREP_TEST_ALL=1: what was not run counts as failed');
  if (passed + failed === 0) {
    failed = 1;
    lines.push('failed: nothing was run');
  }
  lines.push('', `${passed} passed, ${failed} failed`);
  return { lines, exitCode: failed === 0 ? 0 : 1 };
}

function summary({ passed, failures, notRun }, seconds) {
  const whole = notRun.find(({ what }) => what === null);
  if (whole !== undefined) return `not run: ${whole.why}`;
  const reasons = [...new Set(notRun.map(({ why }) => why))].join(', ');
  const parts = [`${passed} passed`];
  if (failures.length > 0) parts.push(`${failures.length} failed`);
  if (notRun.length > 0) parts.push(`${notRun.length} not run (${reasons})`);
  const rounded = Math.round(seconds);
  const time = `${Math.floor(rounded / 60)}:${String(rounded % 60).padStart(2, '0')}`;
  return `${time.padStart(6)}  ${parts.join(', ')}`;
}
