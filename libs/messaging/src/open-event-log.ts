import { invalid } from '@rhei/contracts';
import type { EventLog } from './event-log';
import type { Logger } from './logger';
import { PostgresEventLog } from './postgres';

/** The adapter that `EVENT_LOG` names by its scheme. Errors: `invalid` for a scheme that there is no adapter for. */
export function openEventLog({ url, logger }: { url: string; logger: Logger }): EventLog {
  if (/^postgres(ql)?:/.test(url)) return new PostgresEventLog({ url, logger });
  throw invalid(`EVENT_LOG has the scheme "${url.split(':', 1)[0]}": expected postgres://rhei_<service>:password@host/log.`);
}
