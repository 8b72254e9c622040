import type { Logger } from 'pino';
import type { RespondEvent } from '../../../app/respond/events.ts';

/** Of what came or changed at once: more than this is a number. */
const MOST = 10;

/** State changes as log lines; requests are only counted. */
export function logEvent(log: Logger, event: RespondEvent): void {
  switch (event.kind) {
    case 'verdict': {
      const { names, from, now } = event;
      const [first = '', ...others] = names;
      const fields = { subjects: names.slice(0, MOST), count: names.length, from, to: now.verdict, reason: now.reason };
      if (now.verdict === 'vouched') log.info(fields, `vouching for ${listed(names)}`);
      else
        log.warn(
          fields,
          `not vouching for ${first}: ${now.reason}${others.length > 0 ? `; nor for ${listed(others)}` : ''}`,
        );
      break;
    }
    case 'alarm':
      eachLine(event.texts, 'alarm', (text) => log.error(`alarm, which does not end vouching: ${text}`));
      break;
    case 'alarm-over':
      eachLine(event.texts, 'alarm', (text) => log.info(`alarm over: ${text}`));
      break;
    case 'note':
      eachLine(event.texts, 'note', (text) => log.warn(text));
      break;
    case 'note-over':
      eachLine(event.texts, 'note', (text) => log.info(`no longer: ${text}`));
      break;
  }
}

/** `host, 10.0.0.1 and 998 more` */
function listed(names: readonly string[]): string {
  if (names.length > MOST) return `${names.slice(0, MOST).join(', ')} and ${names.length - MOST} more`;
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

function eachLine(texts: readonly string[], what: string, line: (text: string) => void): void {
  for (const text of texts.slice(0, MOST)) line(text);
  if (texts.length > MOST)
    line(`${texts.length - MOST} more of this ${what}: rsprep status, or rsprep verify, tells all`);
}
