import { randomUUID } from 'node:crypto';
import { eventNamed, events, topics, type EventName, type Payload, type TopicName } from '@rhei/contracts';
import { formatInstant, type Instant } from '@rhei/expressions';
import { partitionOf, PostgresEventLog, type Batch, type EventLog, type Logger } from '@rhei/messaging';
import { newTraceparent } from '@rhei/runtime';

/** Hears everything that is said on a log, and says events in the name of services that do not run. */
export class EventSpy {
  private readonly heard = new Map<EventName, unknown[]>();
  private readonly positions = new Map<string, number>();
  private readonly speakers = new Map<string, EventLog>();

  private constructor(private readonly log: EventLog, private readonly logger: Logger, private readonly urlOf: (service: string) => string) {}

  static async start(url: string, logger: Logger, urlOf: (service: string) => string): Promise<EventSpy> {
    const spy = new EventSpy(new PostgresEventLog({ url, logger }), logger, urlOf);
    await spy.log.subscribeBroadcast({ group: 'testing', topics: Object.keys(topics) as TopicName[], onBatch: (batch) => spy.take(batch) });
    return spy;
  }

  payloads<N extends EventName>(name: N): Payload<N>[] {
    return [...((this.heard.get(name) ?? []) as Payload<N>[])];
  }

  /** Whether everything that is in the log has been heard. */
  async isCurrent(): Promise<boolean> {
    const lagging = await Promise.all((Object.keys(topics) as TopicName[]).map(async (topic) =>
      (await this.log.heads(topic)).some((head, partition) => head > (this.positions.get(`${topic}/${partition}`) ?? 0))));
    return !lagging.includes(true);
  }

  async say<N extends EventName>(name: N, key: string | number, payload: Payload<N>, time: Instant): Promise<void> {
    const { topic, type, from, codec } = events[name];
    let speaker = this.speakers.get(from);
    if (!speaker) {
      speaker = new PostgresEventLog({ url: this.urlOf(from), logger: this.logger });
      this.speakers.set(from, speaker);
    }
    const headers = {
      ce_specversion: '1.0', ce_id: randomUUID(), ce_source: `/rhei/${from}`, ce_type: type, ce_time: formatInstant(time), ce_subject: String(key), traceparent: newTraceparent(),
    };
    const value = (codec as { encode(message: unknown): { finish(): Uint8Array } }).encode(payload).finish();
    await speaker.append(topic, partitionOf(name, key), [{ key: String(key), headers, value }]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.log, ...this.speakers.values()].map((log) => log.close()));
  }

  private async take({ topic, partition, entries }: Batch): Promise<void> {
    for (const { headers, value, offset } of entries) {
      const name = eventNamed(headers['ce_type'] ?? '');
      if (name) this.heard.set(name, [...(this.heard.get(name) ?? []), events[name].codec.decode(value)]);
      this.positions.set(`${topic}/${partition}`, offset + 1);
    }
  }
}
