import { EXIT } from '../../../core/report/exit-code.ts';
import { errorText } from '../../../linux/files/errors.ts';
import { type Answered, ask, type Question } from '../../../udp/ask.ts';

export interface Verdict {
  readonly code: number;
  readonly lines: readonly string[];
  readonly verdict: string;
  readonly text: string;
  readonly from: string | null;
  readonly asked: number;
  readonly latenciesMs: readonly number[];
}

/**
 * Asks `count` times; the worst answer decides, and a lost datagram among vouched ones only shows in the numbers.
 * @param why whether to ask for the status when nobody vouched, which costs as long again
 */
export async function askAll(question: Question, count: number, why: boolean): Promise<Verdict> {
  const answers: Answered[] = [];
  for (let asked = 0; asked < count; asked++) {
    if (asked > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    answers.push(await ask('vote', question));
  }
  const latenciesMs = answers.flatMap((a) => (a.kind === 'reply' || a.kind === 'wrong-source' ? [a.latencyMs] : []));
  const at = `${question.address} port ${question.port}`;
  const done = (code: number, verdict: string, text: string, from: string | null): Verdict => ({
    code,
    verdict,
    text,
    from,
    asked: count,
    latenciesMs,
    lines: [
      `${verdict}${text === '' ? '' : `: ${text}`}`,
      ...(latenciesMs.length > 0 ? [numbers(from ?? at, count, latenciesMs)] : []),
    ],
  });
  const failed = answers.find((a) => a.kind === 'failed');
  if (failed?.kind === 'failed') return done(EXIT.failed, 'could not ask', `${at}: ${errorText(failed.error)}`, null);
  const wrong = answers.find((a) => a.kind === 'wrong-source');
  if (wrong?.kind === 'wrong-source')
    return done(
      EXIT.failed,
      'answered from another address',
      `asked ${at}, the reply came from ${wrong.from}; a client would drop it`,
      wrong.from,
    );
  const other = answers.find((a) => a.kind === 'reply' && a.reply.verdict !== 'vouched');
  const vouched = answers.find((a) => a.kind === 'reply');
  if (other === undefined && vouched?.kind === 'reply') return done(EXIT.ok, 'vouched', '', vouched.from);
  const status: Answered = why ? await ask('status', question) : { kind: 'silence' };
  if (status.kind === 'reply') {
    // A responder that has come back between the two is asked again by whoever wants to know.
    return done(
      EXIT.drift,
      status.reply.verdict === 'vouched' ? 'vote not answered' : status.reply.verdict,
      status.reply.text,
      status.from,
    );
  }
  if (other?.kind === 'reply') return done(EXIT.drift, other.reply.verdict, '', other.from);
  const next =
    'is rsprep respond running there, and is this address among its directors? (On that host itself: rsprep ask 127.0.0.1)';
  return done(EXIT.failed, 'no answer', `${at} within ${question.timeoutMs} ms; ${next}`, null);
}

function numbers(from: string, asked: number, latenciesMs: readonly number[]): string {
  const worst = Math.max(...latenciesMs);
  const mean = latenciesMs.reduce((sum, ms) => sum + ms, 0) / latenciesMs.length;
  const lost = asked - latenciesMs.length;
  return `from ${from}: ${latenciesMs.length} of ${asked} answered${lost > 0 ? `, ${lost} lost` : ''}, ${mean.toFixed(2)} ms on average, ${worst.toFixed(2)} ms at most`;
}
