import type { JsonValue } from './protocol.ts';
import type { Applied } from './real-server.ts';
import { describeRows, isHealthy, type Row } from './requests.ts';
import { type Answers, describeAnswers, onlyDirector } from './who-answers.ts';

/** What came of a step: lines for people, data for programs, and what should have been. */
export interface Outcome {
  readonly lines: readonly string[];
  readonly data: JsonValue;
  readonly expectations: readonly Expectation[];
}

export interface Expectation {
  readonly met: boolean;
  readonly expected: string;
  readonly received: string;
  /** What a program printed, for a step that failed. */
  readonly output?: readonly string[];
}

export const exits = (name: string, command: string, { exitCode, output }: Applied, wanted: number): Expectation => ({
  met: exitCode === wanted,
  expected: `\`rsprep ${command}\` in ${name} to exit ${wanted}`,
  received: `exit ${exitCode}`,
  output,
});

export const allServed = (row: Row): Expectation => ({
  met: isHealthy(row),
  expected: 'every request answered, from the VIP, by both real servers, and each connection by one of them',
  received: describeRows([row]).join(),
});

export const onlyDirectorAnswers = (answers: Answers): Expectation => ({
  met: onlyDirector(answers),
  expected: `only the director to answer for ${answers.vip}`,
  received: describeAnswers(answers).join('; '),
});
