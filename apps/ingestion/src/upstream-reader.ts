import { pause, processingBatch, type Database, type Transaction, type Upstream } from '@rhei/runtime';
import type { Logger, UpstreamPlace, UpstreamRecord } from '@rhei/messaging';
import { readTraceparent } from './kafka-event';
import { ownedTopics, type ContractStore } from './source.store';
import { setRecordAside, takeFromTopic } from './take-from-topic';

/** Milliseconds between looks at the sources: what another replica has applied wakes nobody here. */
const lookEvery = 2_000;

interface Deps {
  database: Database;
  contracts: ContractStore;
  /** Undefined where the event log has no door to topics of others. */
  upstream: Upstream | undefined;
  log: Logger;
}

/** Reads the topics of the sources that have one, and follows the sources as they change. */
export class UpstreamReader {
  private readonly reading = new Map<string, { stop(): Promise<void> }>();
  private readonly told = new Map<string, string>();
  private stopping = false;
  private woken = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(private readonly deps: Deps) {}

  /** Whether topics can be read here at all. */
  get hasDoor(): boolean {
    return this.deps.upstream !== undefined;
  }

  /** Topics of sources that this replica cannot read, for whatever reason. */
  get unread(): number {
    return [...this.told.keys()].filter((topic) => topic !== '' && !this.reading.has(topic)).length;
  }

  start(): void {
    this.loop = this.run();
  }

  /** A source was applied. */
  look(): void {
    this.woken.abort('a source was applied');
  }

  /** Ends when the batches in hand are committed. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.woken.abort('it stops');
    await this.loop;
    await Promise.all([...this.reading.values()].map((one) => one.stop()));
    this.reading.clear();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      this.woken = new AbortController();
      try {
        await this.follow();
        // Without a door no source with a topic can be applied: those that there are have been told about.
        if (!this.hasDoor) return;
      } catch (error) {
        this.tell('', 'the sources cannot be read; tried again', error);
      }
      await pause(lookEvery, this.woken.signal);
    }
  }

  private async follow(): Promise<void> {
    const { database, upstream, log } = this.deps;
    const wanted = await ownedTopics(database);
    for (const topic of this.told.keys()) if (!wanted.includes(topic)) this.told.delete(topic);
    for (const topic of [...this.reading.keys()].filter((one) => !wanted.includes(one))) {
      await this.reading.get(topic)!.stop();
      this.reading.delete(topic);
      log.info({ topic }, 'the topic is not read any more: no source has it');
    }
    for (const topic of wanted) {
      if (this.reading.has(topic) || this.stopping) continue;
      if (!upstream) {
        this.tell(topic, 'the topic cannot be read: this event log has no topics of others', undefined);
        continue;
      }
      try {
        this.reading.set(topic, await upstream.subscribe(topic, { take: (...batch) => this.take(...batch), setAside: setRecordAside }));
        this.told.delete(topic);
        log.info({ topic }, 'the topic is read');
      } catch (error) {
        this.tell(topic, 'the topic cannot be read; tried again', error);
      }
    }
  }

  /** In the trace of the one hop that brought it, or in one that is linked to several. */
  private take(place: UpstreamPlace, records: UpstreamRecord[], tx: Transaction): Promise<void> {
    const causes = [...new Set(records.flatMap(({ headers }) => readTraceparent(headers) ?? []))];
    return processingBatch('ingestion', place, causes, records.length, () => takeFromTopic(this.deps, place, records, tx), tx);
  }

  /** Once for each reason: it is tried every few seconds. */
  private tell(topic: string, what: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : '';
    if (this.told.get(topic) === `${what} ${reason}`) return;
    this.told.set(topic, `${what} ${reason}`);
    this.deps.log.warn({ topic, reason }, what);
  }
}
