import { type Subject, subjectKey, VERDICTS, type Verdict } from './protocol.ts';

/** What is answered about one subject. */
export interface Answer {
  readonly subject: Subject;
  readonly verdict: Verdict;
  /** Whether a vote is answered at all; a status request always is. */
  readonly speaks: boolean;
  /** One line for a status request; what exceeds 241 bytes of UTF-8 is cut. */
  readonly text: string;
}

export interface Answers {
  readonly answers: readonly Answer[];
  /** How long they hold unless renewed, milliseconds. */
  readonly leaseMs: number;
  /**
   * Since when, milliseconds of `bootTimeMs()`: when what they say was looked at. Default: now. A process that is frozen or a machine
   * that is suspended after it has looked must not say that on waking.
   */
  readonly sinceMs?: number;
}

/** struct answer_entry of src/native/udp/answer.h: key 20, verdict, speaks, text length, text 241. */
const ENTRY = { bytes: 264, verdict: 20, speaks: 21, textLength: 22, text: 23, textMax: 241 } as const;

/**
 * The table the answer thread searches, sorted by subject.
 * @throws TypeError when a subject is no address, or is there twice
 */
export function encodeAnswers(answers: readonly Answer[]): Uint8Array {
  const entries = answers.map(encodeAnswer).sort((left, right) => Buffer.compare(key(left), key(right)));
  entries.forEach((entry, index) => {
    const next = entries[index + 1];
    if (next !== undefined && Buffer.compare(key(entry), key(next)) === 0) {
      throw new TypeError('setAnswers: expected each VIP and service once, received one twice');
    }
  });
  return Buffer.concat(entries);
}

const key = (entry: Uint8Array): Uint8Array => entry.subarray(0, ENTRY.verdict);

function encodeAnswer(answer: Answer): Uint8Array {
  const subject = subjectKey(answer.subject);
  if (subject === null) {
    throw new TypeError(`setAnswers: expected an IP address as VIP, received ${JSON.stringify(answer.subject)}`);
  }
  const entry = new Uint8Array(ENTRY.bytes);
  entry.set(subject);
  entry[ENTRY.verdict] = VERDICTS[answer.verdict];
  entry[ENTRY.speaks] = answer.speaks ? 1 : 0;
  entry[ENTRY.textLength] = new TextEncoder().encodeInto(answer.text, entry.subarray(ENTRY.text)).written;
  return entry;
}
