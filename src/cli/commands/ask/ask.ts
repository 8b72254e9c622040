import { DEFAULT_RESPONDER } from '../../../core/model/desired.ts';
import { EXIT } from '../../../core/report/exit-code.ts';
import { FORMAT_VERSION } from '../../../core/report/report.ts';
import { safeJson, safeLines } from '../../../format/safe-text.ts';
import type { Question } from '../../../udp/ask.ts';
import { encodeRequest, type Subject, toHex, VOUCHED_PREFIX } from '../../../udp/protocol.ts';
import { command } from '../../command.ts';
import type { Io } from '../../context.ts';
import { formats, timeoutOf } from '../../options/globals.ts';
import { flag, optional, withDefault } from '../../options/option.ts';
import { whole } from '../../options/value.ts';
import { UsageError } from '../../usage-error.ts';
import { addressOf, anyAddress, service, TARGET, target, vipAddress } from './target.ts';
import { askAll, type Verdict } from './verdict.ts';

/** Nobody is asked then. */
const NOT_WITH_PAYLOAD = ['--source', '--count', '--keepalived', '--format', '--timeout'];

export const askCommand = command({
  name: 'ask',
  summary: 'ask a responder whether it vouches for its host',
  description:
    'Asks the responder at HOST (port 5300 unless given) whether it vouches for its host, for a VIP, or for a service of a VIP.\n' +
    'When the vote stays unanswered it asks for the status, which says why.',
  argument: {
    name: '[host[:port]]',
    does: 'name, IPv4 address, or [IPv6 address]:port; not needed with --payload',
    value: target,
  },
  options: {
    vip: optional(vipAddress, 'ask about this VIP'),
    service: optional(service, 'ask about this service of the VIP, such as tcp/443', { requires: ['--vip'] }),
    source: optional(anyAddress, 'ask from this address of this host'),
    count: withDefault(whole('n', 1, 10_000), 1, 'ask so many times (default: 1)'),
    keepalived: flag('for MISC_CHECK: exit 0 vouched for, 1 otherwise, and nothing else', {
      conflicts: ['--format json'],
    }),
    payload: flag('ask nobody; print the request and the reply as hex, for keepalived’s UDP_CHECK and other tools', {
      conflicts: NOT_WITH_PAYLOAD,
    }),
  },
  uses: { format: formats('text', 'json'), timeout: timeoutOf(1000, 'for one answer (default: 1s)') },
  after: `Exit status: 0 vouched for · 2 answered, but not vouched for (drift, drain) · 1 no answer, or one from another address

Examples:
  rsprep ask 10.0.0.11
  rsprep ask 10.0.0.11 --vip 192.0.2.10 --service udp/53 --count 5
  rsprep ask --payload --vip 192.0.2.10 --service udp/53`,
  run: async ({ io, globals }, options, [asked]) => {
    const { vip, source, keepalived } = options;
    const subject: Subject = vip === null ? {} : options.service === null ? { vip } : { vip, service: options.service };
    if (options.payload) return payload(io, subject, asked?.port ?? DEFAULT_RESPONDER.port);
    if (asked === undefined) throw new UsageError(`expected ${TARGET}, received none`);
    const where = await addressOf(asked, source, io);
    if (where === null) return io.setExitCode(EXIT.failed);
    const question: Question = { ...where, subject, source, timeoutMs: globals.timeoutMs };
    const verdict = await askAll(question, options.count, !keepalived);
    const code = keepalived ? Math.min(verdict.code, 1) : verdict.code;
    if (globals.format === 'json') io.out(safeJson(toJson(question, verdict, code)));
    else if (!keepalived && !(globals.quiet && code === 0)) io.out(safeLines(verdict.lines));
    io.setExitCode(code);
  },
});

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
    safeLines([
      `request (vote)   ${vote}`,
      `reply, vouched   ${prefix}0000000000000000`,
      '',
      '# keepalived, in real_server (2.1 and later)',
      'UDP_CHECK {',
      `    connect_port ${port}`,
      `    payload ${vote}`,
      `    require_reply ${prefix}`,
      '    min_reply_length 14',
      '}',
    ]),
  );
  io.setExitCode(EXIT.ok);
}
