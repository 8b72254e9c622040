// Vitest's reporter for the test runner: one line a file, what failed in full, and a line of JSON for each file into RSPREP_TEST_RESULT,
// so that a run which ends in its middle is still known up to there.
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import process from 'node:process';

const SILENCE_MS = 30_000;

export default class Reporter {
  #total = 0;
  #done = 0;
  #running = new Set();
  #startedMs = performance.now();
  #timer;

  onTestRunStart(specifications) {
    this.#total = specifications.length;
    this.#quietAgain();
  }

  onTestModuleStart(module) {
    this.#running.add(nameOf(module));
  }

  onUserConsoleLog({ content }) {
    for (const line of content.trimEnd().split('\n')) this.#say(`       ${line}`);
  }

  onTestModuleEnd(module) {
    const file = nameOf(module);
    this.#running.delete(file);
    this.#done += 1;
    const tests = [...module.children.allTests()].map(resultOf);
    const errors = [...module.errors(), ...suiteErrors(module)].map(textOf);
    const bad = tests.filter(({ state }) => state === 'failed');
    const skipped = tests.filter(({ state }) => state === 'skipped').length;
    const seconds = (module.diagnostic().duration / 1000).toFixed(1);
    const counts = `${tests.length - bad.length - skipped} passed${skipped > 0 ? `, ${skipped} not run` : ''}`;
    const ok = bad.length === 0 && errors.length === 0;
    this.#say(`${ok ? 'ok    ' : 'FAILED'} ${file}  ${counts}${ok ? '' : `, ${bad.length} failed`}  ${seconds} s`);
    for (const text of errors) this.#say(text);
    for (const { name, text } of bad) this.#say(`  ${name}\n${text}`);
    record({ file, tests: tests.map(({ text: _text, ...test }) => test), errors });
  }

  onTestRunEnd(_modules, unhandled, reason) {
    clearInterval(this.#timer);
    const errors = unhandled.map(textOf);
    for (const text of errors) this.#say(`outside of any test: ${text}`);
    record({ end: reason, errors });
  }

  #say(text) {
    process.stdout.write(`${text}\n`);
    this.#quietAgain();
  }

  #quietAgain() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      const minutes = ((performance.now() - this.#startedMs) / 60_000).toFixed(1);
      const files = [...this.#running].join(', ');
      this.#say(`…      ${this.#done} of ${this.#total} files, ${minutes} minutes; ${files || 'nothing'} runs`);
    }, SILENCE_MS);
    this.#timer.unref();
  }
}

function record(value) {
  const file = process.env.RSPREP_TEST_RESULT;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(value)}\n`);
}

const nameOf = (module) => relative(process.cwd(), module.moduleId);

function resultOf(test) {
  const { state, errors = [] } = test.result();
  const retries = test.diagnostic()?.retryCount ?? 0;
  return { name: test.fullName, state, retries, text: errors.map(textOf).join('\n') };
}

/** Of hooks: the tests below them then count as skipped. */
const suiteErrors = (module) => [...module.children.allSuites()].flatMap((suite) => suite.errors());

function textOf({ message = '', stack = '', diff = '' }) {
  const lines = stack.split('\n').filter((line) => !line.includes('node_modules'));
  const head = lines.some((line) => message.startsWith(line)) || stack.includes(message) ? lines : [message, ...lines];
  return [...head, ...(diff ? [diff] : [])].map((line) => `    ${line}`).join('\n');
}
