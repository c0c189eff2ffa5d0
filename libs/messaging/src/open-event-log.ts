import { invalid, type ServiceName } from '@rhei/contracts';
import type { EventLog } from './event-log';
import { KafkaEventLog } from './kafka-event-log';
import type { Logger } from './logger';
import { PostgresEventLog } from './postgres';

export interface OpenEventLogOptions {
  url: string;
  service: ServiceName;
  logger: Logger;
  /** Called once when this process must end to be trusted again. Default: an error in the log. */
  onFatal?(reason: string): void;
}

/** The adapter that `EVENT_LOG` names by its scheme. Nothing is connected yet. Errors: `invalid` for a URL that no adapter understands. */
export function openEventLog({ url, service, logger, onFatal = (reason) => logger.error({ reason }, 'this process must be started again') }: OpenEventLogOptions): EventLog {
  if (/^postgres(ql)?:/.test(url)) return new PostgresEventLog({ url, logger });
  if (/^kafka:/.test(url)) return new KafkaEventLog({ url, service, logger, onFatal });
  throw invalid(`EVENT_LOG has the scheme "${url.split(':', 1)[0]}": expected postgres://rhei_<service>:password@host/log or kafka://user@host:9092.`);
}
