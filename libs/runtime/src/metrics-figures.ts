import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { outstandingOf } from '@rhei/messaging';
import { pause, systemTime } from './clock';
import type { RunningService } from './running-service';

/** One value at the time of a scrape. Its labels are of bounded number: no ids, paths or texts of errors. */
export interface Figure {
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  labels: Record<string, string>;
  value: number;
}

/** Milliseconds for what a service reads from its rows and the log; what is not there by then is left out. */
const PATIENCE = 2_000;
/** Unsent events beyond this are not counted one by one. */
const MOST_UNSENT = 100_000;
const outboxSql = `
SELECT count(*)::int AS pending, min(created_at) AS oldest FROM (SELECT created_at FROM outbox WHERE sent_at IS NULL ORDER BY id LIMIT ${MOST_UNSENT}) AS unsent`;

const version = (JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as { version: string }).version;

/** Reads what each service shows beside what was measured on the way: the state of its queues, and its own gauges. */
export class Figures {
  private readonly reading = new Map<RunningService, Promise<Figure[]>>();
  private readonly failures = new Map<RunningService, number>();

  async of(service: RunningService): Promise<Figure[]> {
    const stored = await this.read(service);
    if (stored === undefined) this.failures.set(service, (this.failures.get(service) ?? 0) + 1);
    const labels = { service: service.name };
    return [
      { name: 'target_info', help: 'What answers this scrape.', type: 'gauge', labels: { ...labels, service_version: version, process_runtime_name: 'nodejs', process_runtime_version: process.versions.node, clock: service.clock.kind }, value: 1 },
      { name: 'rhei_service_ready', help: 'Whether the service is ready (1) or not (0).', type: 'gauge', labels, value: service.notReadyBecause === undefined ? 1 : 0 },
      { name: 'rhei_scrape_failures_total', help: 'Scrapes that went without what stands in the database or the log, which did not answer in time.', type: 'counter', labels, value: this.failures.get(service) ?? 0 },
      ...consumerFigures(service),
      ...(stored ?? []),
    ];
  }

  /** Undefined: not in time. Another reading begins only when the last one has ended, however long that took. */
  private async read(service: RunningService): Promise<Figure[] | undefined> {
    let reading = this.reading.get(service);
    if (!reading) {
      reading = storedFigures(service).finally(() => this.reading.delete(service));
      this.reading.set(service, reading);
    }
    const over = new AbortController();
    const ended = reading.catch((error: unknown) => void service.log.warn({ err: error }, 'figures for /metrics could not be read'));
    return Promise.race([ended, pause(PATIENCE, over.signal).then(() => undefined)]).finally(() => over.abort('answered'));
  }
}

const outcomes = { handled: 'handled', duplicates: 'duplicate', skipped: 'skipped', dead: 'dead_letter', parked: 'parked' } as const;

function consumerFigures({ name: service, subscriptions }: RunningService): Figure[] {
  const counters = subscriptions.counters();
  return [
    ...Object.entries(outcomes).map(([counter, outcome]): Figure => ({
      name: 'rhei_consumed_events_total', help: 'Events that a consumer was given, by what became of them. Duplicates have no effect; those parked wait behind a dead letter of their key.',
      type: 'counter', labels: { service, outcome }, value: counters[counter] ?? 0,
    })),
    { name: 'rhei_event_retries_total', help: 'Attempts with an event that failed and were repeated.', type: 'counter', labels: { service }, value: counters['retried'] ?? 0 },
  ];
}

async function storedFigures({ name: service, database, subscriptions, clock, definition, deps }: RunningService): Promise<Figure[]> {
  const [[outbox], aside, partitions, own] = await Promise.all([
    database.query<{ pending: number; oldest: number | null }>(outboxSql), outstandingOf(database), subscriptions.progress(), definition.gauges?.(deps) ?? [],
  ]);
  const now = systemTime();
  const gauge = (name: string, help: string, value: number, labels: Record<string, string> = {}): Figure => ({ name, help, type: 'gauge', labels: { service, ...labels }, value });
  const behind = new Map<string, { labels: { subscription: string; topic: string }; messages: number; seconds: number }>();
  for (const [{ subscription, topic, position, head }, seconds] of subscriptions.lag.seconds(partitions, now)) {
    const entry = behind.get(`${subscription}/${topic}`) ?? { labels: { subscription, topic }, messages: 0, seconds: 0 };
    behind.set(`${subscription}/${topic}`, { ...entry, messages: entry.messages + Math.max(0, head - position), seconds: Math.max(entry.seconds, seconds) });
  }
  return [
    gauge('rhei_outbox_pending', `Events that are committed and not yet sent, up to ${MOST_UNSENT}.`, outbox.pending),
    gauge('rhei_outbox_oldest_age_seconds', 'Age of the oldest event that is not yet sent; 0 when there is none.', outbox.oldest === null ? 0 : Math.max(0, now - outbox.oldest) / 1e6),
    gauge('rhei_dead_letters', 'Events that could not be applied and wait for a person.', aside.deadLetters),
    gauge('rhei_parked_keys', 'Keys whose later events wait behind a dead letter.', aside.parked),
    ...[...behind.values()].flatMap(({ labels, messages, seconds }) => [
      gauge('rhei_consumer_lag_messages', 'Events in the log that a subscription has not taken, over all partitions of the topic.', messages, labels),
      ...(clock.kind === 'replay' ? [] : [gauge('rhei_consumer_lag_seconds',
        'Age of the oldest event that a subscription has not taken; one that was never attempted counts from when it was noticed. Absent with CLOCK=replay, where time stands still.', seconds, labels)]),
    ]),
    ...own.map((reading): Figure => ({ type: 'gauge', ...reading, labels: { service, ...reading.labels } })),
  ];
}
