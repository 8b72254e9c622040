import { type DurationLimits, parseDuration as readDuration } from '../core/duration.ts';
import { type InterfaceName, parseInterfaceName } from '../core/model/names.ts';
import { ok, type Parsed, problem } from './problem.ts';
import { quote } from './quote.ts';

/** The device that is to hold a VIP: lo, a dummy, or another one. Whether it exists is for preflight to see. */
export function parseDevice(text: string): Parsed<InterfaceName> {
  const expected = 'the name of a network device: 1 to 15 characters without slash, colon or white space';
  const say = (message: string, hint: string) => problem(text, message, expected, hint);
  // Both are directories of /proc/sys/net/ipv4/conf, and the kernel allows no device of that name (sysctl_dev_name_is_allowed).
  if (text === 'all' || text === 'default')
    return say('not a device but a group of sysctls', 'write lo, or leave it out');
  const name = parseInterfaceName(text);
  // iproute2 lib/utils.c getcmdline(): what follows # in a batch is a comment, quoted or not; the VIP would go on another device.
  if (name?.includes('#')) return say('ip(8) takes # for the beginning of a comment', 'rename the device');
  if (name !== null) return ok(name);
  const owner = parseInterfaceName(text.split(':')[0] ?? '');
  if (owner !== null) return say('a label and not a device', `write ${owner}: rsprep sets its own label`);
  if (text.length > 15) return say(`a name of ${text.length} characters`, 'see "ip link" for the names of this host');
  return say('not the name of a device', 'see "ip link" for the names of this host');
}

/** In milliseconds. */
export function parseDuration(text: string, limits: DurationLimits): Parsed<number> {
  const read = readDuration(text, limits);
  return read.kind === 'ok' ? read : problem(text, read.message, read.expected, read.hint);
}

/** A glob over finding ids, such as `arp-ignore@eth9`. */
export function parseFindingGlob(text: string): Parsed<string> {
  const expected = 'the id of a finding, in which * stands for any characters and ? for one';
  const say = (message: string, hint: string) => problem(text, message, expected, hint);
  if (text === '') return say('the id is empty', 'copy the id that "rsprep verify" shows');
  // It would also hide what no version of this program looks for yet.
  if (!/[A-Za-z0-9]/.test(text)) return say('this would ignore every finding', 'name a check, such as arp-ignore@*');
  if (text.length > 128) return say(`an id of ${text.length} characters`, 'copy the id that "rsprep verify" shows');
  const odd = /[^A-Za-z0-9*?@._:/+-]/.exec(text);
  if (odd !== null)
    return say(`an id cannot have the character ${quote(odd[0])}`, 'copy the id that "rsprep verify" shows');
  return ok(text);
}

/** A day, `YYYY-MM-DD`, that exists. */
export function parseDay(text: string): Parsed<string> {
  const expected = 'a day as YYYY-MM-DD';
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) {
    const hint = /^\d{4}-\d{2}-\d{2}[T ]/.test(text)
      ? `write ${text.slice(0, 10)}: the rule holds until the end of that day, UTC`
      : 'write it like 2027-01-31';
    return problem(text, 'not a day', expected, hint);
  }
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  if (days === undefined) return problem(text, `there is no month ${match[2]}`, expected, 'write year, month, day');
  if (day < 1 || day > days) return problem(text, `that month has ${days} days`, expected, 'correct the day');
  return ok(text);
}

/** Why a finding is ignored, for the one who reads it next year. */
export function parseReason(text: string): Parsed<string> {
  const expected = 'a sentence of 1 to 200 characters';
  const reason = text.trim();
  if (reason === '') return problem(text, 'the reason is empty', expected, 'write why the finding is ignored');
  if (reason.length > 200) return problem(text, `a reason of ${reason.length} characters`, expected, 'shorten it');
  // It is printed on terminals, into the journal and into metrics: one line of it each.
  if (/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(reason)) {
    return problem(text, 'a line break or control character in the reason', expected, 'write it on one line');
  }
  return ok(reason);
}

/** Where the metrics go. node_exporter's textfile collector reads `*.prom` only, and a relative path depends on cron's mood. */
export function parseTextfile(text: string): Parsed<string> {
  const expected = 'an absolute path that ends in .prom';
  const say = (message: string, hint: string) => problem(text, message, expected, hint);
  if (text === '') return say('the path is empty', 'write the path, or leave textfile out');
  if (!text.startsWith('/')) return say('not an absolute path', 'write the whole path, from /');
  if (/[\x00-\x1f\x7f]/.test(text)) return say('a control character in the path', 'correct the path');
  if (text.split('/').includes('..')) return say('a path with ".." in it', 'write the path without it');
  if (!/[^/]\.prom$/.test(text)) return say('node_exporter would not read this file', 'end the name in .prom');
  if (text.length > 4095) return say('the path is too long', 'use a shorter one (PATH_MAX is 4096)');
  return ok(text);
}
