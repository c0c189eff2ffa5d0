import { events, type EventName, type ServiceName, type TopicName } from '@rhei/contracts';
import { freshName, testCluster } from '@rhei/testing';
import { installPostgresLog, PostgresEventLog, type Entry, type Logger } from '../src';

/** Keeps what was logged, so that a spec can look at it. */
export class KeptLogger implements Logger {
  readonly lines: { level: string; message: string; about: object }[] = [];
  debug = (about: object, message: string) => this.keep('debug', about, message);
  info = (about: object, message: string) => this.keep('info', about, message);
  warn = (about: object, message: string) => this.keep('warn', about, message);
  error = (about: object, message: string) => this.keep('error', about, message);
  private keep(level: string, about: object, message: string): void {
    this.lines.push({ level, message, about });
  }
}

export interface TestLog {
  adminUrl: string;
  urlOf(service: ServiceName): string;
  /** A log object of its own, as a process of this service would have. Closed with the rest. */
  open(service: ServiceName): PostgresEventLog;
  close(): Promise<void>;
}

/** A fresh log in the Postgres of the test run. */
export async function openTestLog(logger: Logger = new KeptLogger()): Promise<TestLog> {
  const cluster = await testCluster();
  const name = freshName('log');
  await cluster.createDatabase(name);
  await installPostgresLog(cluster.adminUrl(name));
  const opened: PostgresEventLog[] = [];
  const urlOf = (service: ServiceName) => cluster.urlFor(`rhei_${service}`, 'for-tests-only', name);
  return {
    adminUrl: cluster.adminUrl(name),
    urlOf,
    open(service) {
      const log = new PostgresEventLog({ url: urlOf(service), logger, poll: 100 });
      opened.push(log);
      return log;
    },
    async close() {
      await Promise.all(opened.map((log) => log.close()));
      await cluster.dropDatabase(name);
    },
  };
}

let count = 0;

/** An entry as the outbox would write it. */
export function anEntry(eventName: EventName, key: string, value: Uint8Array | string = '', id = `id-${(count += 1)}`): Entry {
  return {
    key,
    headers: { ce_id: id, ce_type: events[eventName].type, ce_time: '2001-01-01T00:00:00.000000Z', ce_subject: key },
    value: Buffer.from(value as string),
  };
}

export const topicOf = (eventName: EventName): TopicName => events[eventName].topic;
