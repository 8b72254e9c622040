import type { Command } from 'commander';
import ipaddr from 'ipaddr.js';
import { emptyDesired } from '../../../core/model/desired.ts';
import { EXIT } from '../../../core/report/exit-code.ts';
import { FORMAT_VERSION } from '../../../core/report/report.ts';
import { printable } from '../../../format/style.ts';
import { errorText } from '../../../linux/files/errors.ts';
import { type Answered, ask, type Question } from '../../../udp/ask.ts';
import {
  encodeRequest,
  type Protocol,
  type Subject,
  subjectKey,
  toHex,
  VOUCHED_PREFIX,
} from '../../../udp/protocol.ts';
import { contextOf, type Io } from '../../context.ts';
import { addGlobals, checkFormat, duration, UsageError } from '../../globals.ts';

interface AskOptions {
  readonly vip?: string;
  readonly service?: string;
  readonly source?: string;
  readonly count?: string;
  readonly keepalived?: boolean;
  readonly payload?: boolean;
}

const DEFAULT_TIMEOUT_MS = 1000;
const MAX_COUNT = 10_000;

export function registerAsk(program: Command, io: Io): void {
  const command = program
    .command('ask')
    .summary('ask a responder whether it vouches for its host')
    .description(
      'Asks the responder at HOST (port 5300 unless given) whether it vouches for its host, for a VIP, or for a service of a VIP.\n' +
        'When the vote stays unanswered it asks for the status, which says why. --timeout is for one answer (default: 1s).',
    )
    .argument('[host[:port]]', 'name, IPv4 address, or [IPv6 address]:port; not needed with --payload')
    .option('--vip <address>', 'ask about this VIP')
    .option('--service <protocol/port>', 'ask about this service of the VIP, such as tcp/443')
    .option('--source <address>', 'ask from this address of this host')
    .option('--count <n>', 'ask so many times', '1')
    .option('--keepalived', 'for MISC_CHECK: exit 0 vouched for, 1 otherwise, and nothing else')
    .option(
      '--payload',
      'ask nobody; print the request and the reply as hex, for keepalived’s UDP_CHECK and other tools',
    )
    .addHelpText(
      'after',
      `
Exit status: 0 vouched for · 2 answered, but not vouched for (drift, drain) · 1 no answer, or one from another address

Examples:
  rsprep ask 10.0.0.11
  rsprep ask 192.0.2.10 --vip 192.0.2.10 --service udp/53 --count 5
  rsprep ask --payload --vip 192.0.2.10 --service udp/53`,
    );
  addGlobals(command).action(async (target: string | undefined, options: AskOptions, self: Command) => {
    const context = contextOf(self, io);
    checkFormat(context.globals.format, ['text', 'json']);
    const subject = subjectOf(options);
    if (options.payload === true)
      return payload(io, subject, target === undefined ? emptyDesired.responder.port : targetOf(target).port);
    if (target === undefined) throw new UsageError('expected HOST, HOST:PORT or [IPV6]:PORT, received none');
    const timeoutMs = duration(self.optsWithGlobals().timeout, '--timeout') ?? DEFAULT_TIMEOUT_MS;
    if (options.source !== undefined && isIP(options.source) === 0)
      throw new UsageError(`--source: expected an IP address, received ${JSON.stringify(options.source)}`);
    const where = await addressOf(targetOf(target), options.source, io);
    if (where === null) return io.setExitCode(EXIT.failed);
    const question: Question = { ...where, subject, source: options.source ?? null, timeoutMs };
    const forKeepalived = options.keepalived === true;
    const verdict = await askAll(question, countOf(options.count ?? '1'), !forKeepalived);
    const code = forKeepalived ? Math.min(verdict.code, 1) : verdict.code;
    if (context.globals.format === 'json') io.out(`${JSON.stringify(toJson(question, verdict, code), null, 2)}\n`);
    else if (!forKeepalived && !(context.globals.quiet && code === 0))
      io.out(`${verdict.lines.map(printable).join('\n')}\n`);
    io.setExitCode(code);
  });
}

/** 4, 6, or 0 for what is no address. Not isIP() of node:net, which takes a tenth of a start to load: keepalived starts this every second. */
function isIP(text: string): 0 | 4 | 6 {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return 4;
  return ipaddr.IPv6.isValid(text) ? 6 : 0;
}

interface Verdict {
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
async function askAll(question: Question, count: number, why: boolean): Promise<Verdict> {
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
      status.reply.verdict === 'vouched' ? 'no vote' : status.reply.verdict,
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

const toJson = (question: Question, verdict: Verdict, code: number): object => ({
  format_version: FORMAT_VERSION,
  exit_code: code,
  asked: { address: question.address, port: question.port, ...question.subject },
  verdict: verdict.verdict,
  text: verdict.text,
  from: verdict.from,
  requests: verdict.asked,
  answers: verdict.latenciesMs.length,
  latencies_ms: verdict.latenciesMs,
});

/** Fixed payloads: the nonce is zero, because keepalived sends the same bytes each time and compares a prefix. */
function payload(io: Io, subject: Subject, port: number): void {
  const vote = toHex(encodeRequest({ type: 'vote', nonce: new Uint8Array(8), subject }));
  const prefix = toHex(VOUCHED_PREFIX);
  io.out(
    `request (vote)   ${vote}\nreply, vouched   ${prefix}0000000000000000\n\n` +
      `# keepalived, in real_server (2.1 and later)\nUDP_CHECK {\n    connect_port ${port}\n    payload ${vote}\n    require_reply ${prefix}\n    min_reply_length 14\n}\n`,
  );
  io.setExitCode(EXIT.ok);
}

function subjectOf({ vip, service }: AskOptions): Subject {
  if (vip === undefined && service !== undefined)
    throw new UsageError('--service: expected --vip with it, received none');
  if (vip === undefined) return {};
  const [, protocol, port] = /^(tcp|udp|sctp)\/(\d{1,5})$/.exec(service ?? '') ?? [];
  if (service !== undefined && (port === undefined || Number(port) < 1 || Number(port) > 65_535))
    throw new UsageError(
      `--service: expected a protocol and port such as tcp/443, received ${JSON.stringify(service)}`,
    );
  const subject: Subject =
    service === undefined ? { vip } : { vip, service: { protocol: protocol as Protocol, port: Number(port) } };
  if (subjectKey(subject) === null)
    throw new UsageError(`--vip: expected an IP address, received ${JSON.stringify(vip)}`);
  return subject;
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_COUNT) return count;
  throw new UsageError(`--count: expected a whole number from 1 to ${MAX_COUNT}, received ${JSON.stringify(text)}`);
}

interface Target {
  readonly host: string;
  readonly port: number;
}

/** `host`, `host:port`, `[address]:port` or a bare IPv6 address. */
function targetOf(target: string): Target {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(target);
  const plain = isIP(target) === 6 ? null : /^([^:]+)(?::(\d{1,5}))?$/.exec(target);
  const [, host = target, digits] = bracketed ?? plain ?? [];
  const port = digits === undefined ? emptyDesired.responder.port : Number(digits);
  if (port < 1 || port > 65_535 || (bracketed === null && plain === null && isIP(target) !== 6))
    throw new UsageError(`expected HOST, HOST:PORT or [IPV6]:PORT, received ${JSON.stringify(target)}`);
  return { host, port };
}

/** Of the source's family. Null after having said that a name has no such address. */
async function addressOf(
  { host, port }: Target,
  source: string | undefined,
  io: Io,
): Promise<{ address: string; port: number } | null> {
  if (isIP(host.split('%')[0] ?? '') !== 0) return { address: host, port };
  try {
    const { lookup } = await import('node:dns/promises');
    return { address: (await lookup(host, { family: isIP(source ?? '') })).address, port };
  } catch (error) {
    io.err(`rsprep ask: ${host} has no address: ${errorText(error)}\n`);
    return null;
  }
}
