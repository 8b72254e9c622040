import type { Logger } from 'pino';
import type { RespondEvent } from '../../../app/respond/respond.ts';

/** State changes as log lines; requests are only counted. */
export function logEvent(log: Logger, event: RespondEvent): void {
  switch (event.kind) {
    case 'verdict': {
      const { name, from, now } = event;
      const fields = { subject: name, from, to: now.verdict, reason: now.reason };
      if (now.verdict === 'vouched') log.info(fields, `vouching for ${name}`);
      else log.warn(fields, `not vouching for ${name}: ${now.reason}`);
      break;
    }
    case 'alarm':
      log.error(`alarm, which does not end vouching: ${event.text}`);
      break;
    case 'alarm-over':
      log.info(`alarm over: ${event.text}`);
      break;
    case 'note':
      log.warn(event.text);
      break;
    case 'note-over':
      log.info(`no longer: ${event.text}`);
      break;
  }
}
