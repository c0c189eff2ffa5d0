import { events, type ServiceName, type TopicName } from '@rhei/contracts';
import { BroadcastConsumer, SharedConsumer, progressOf, type ConsumerCounters, type Delivered, type EventLog, type Logger, type Queryable } from '@rhei/messaging';
import { ConsumerLag } from './consumer-lag';
import type { ServiceDatabase } from './database';
import { processing } from './event-spans';
import type { LogHeads } from './log-heads';
import { observeEvent } from './metrics';
import type { BroadcastSubscriber, Heard, SharedSubscriber, Subscriber } from './service';
import type { Transaction } from './transaction';

export interface PartitionState {
  subscription: string;
  topic: string;
  partition: number;
  position: number;
  head: number;
}

/** What a service hears: one shared subscription of all its replicas, and a broadcast one of each. */
export class Subscriptions<Deps> {
  private readonly shared: SharedConsumer<Transaction> | undefined;
  private readonly broadcast: BroadcastConsumer | undefined;
  readonly lag = new ConsumerLag();
  private readonly sharedTopics: TopicName[];
  private readonly broadcastTopics: TopicName[];
  private stored: { at: string; rows: Promise<unknown[]> } | undefined;

  constructor(
    private readonly service: ServiceName, subscribers: Subscriber<Deps>[], deps: () => Deps,
    private readonly database: ServiceDatabase, log: EventLog, private readonly heads: LogHeads, logger: Logger,
  ) {
    for (const { event, delivery } of subscribers) {
      const declared = events[event as keyof typeof events]?.to[service];
      if (declared !== delivery) {
        throw new Error(`Service ${service} hears ${event} as "${delivery}"; topics.ts says ${declared === undefined ? 'that it does not hear it' : `"${declared}"`}. Both must agree.`);
      }
    }
    const shared = subscribers.filter((subscriber): subscriber is SharedSubscriber<Deps> => subscriber.delivery === 'shared');
    const broadcast = subscribers.filter((subscriber): subscriber is BroadcastSubscriber<Deps> => subscriber.delivery === 'broadcast');
    const common = { service, log, logger };
    const live = `${service}.live`;
    const byType = <Rest extends unknown[]>(list: { event: keyof typeof events; handle(heard: Delivered<any>, ...rest: Rest): Promise<void> }[], group: string) => new Map(
      list.map(({ event, handle }) => [events[event].type, (heard: Delivered<any>, ...rest: Rest) => {
        this.lag.attempt(group, heard);
        return observeEvent(service, event, () => handle(heard, ...rest));
      }]));
    this.sharedTopics = topicsOf(shared);
    this.broadcastTopics = topicsOf(broadcast);
    this.shared = shared.length === 0 ? undefined : new SharedConsumer<Transaction>({
      ...common, group: service, database,
      handlers: byType(shared.map(({ event, handle }) => ({ event, handle: (heard: Delivered<any>, tx: Transaction) => processing(service, service, heard, () => handle(deps(), asHeard(heard), tx), tx) })), service),
    });
    this.broadcast = broadcast.length === 0 ? undefined : new BroadcastConsumer({
      ...common, group: live,
      handlers: byType(broadcast.map(({ event, handle }) => ({ event, handle: (heard: Delivered<any>) => processing(service, live, heard, () => handle(deps(), asHeard(heard))) })), live),
    });
  }

  /** Whether every replica of the service hears something for itself. */
  get hearsBroadcasts(): boolean {
    return this.broadcast !== undefined;
  }

  /** What a replay of dead letters needs; undefined where the service hears nothing. */
  get replaying(): SharedConsumer<Transaction>['replaying'] | undefined {
    return this.shared?.replaying;
  }

  /** Resolves when the heads are taken: the present state is listed after that. `slot` is this replica's number. */
  async startBroadcast(slot: number): Promise<void> {
    await this.broadcast?.start(slot);
  }

  async startShared(): Promise<void> {
    await this.shared?.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.shared?.stop(), this.broadcast?.stop()]);
  }

  counters(): Record<string, number> {
    const sum: Record<string, number> = {};
    for (const counters of [this.shared?.counters, this.broadcast?.counters]) {
      for (const [name, value] of Object.entries(counters ?? ({} as ConsumerCounters))) sum[name] = (sum[name] ?? 0) + (value as number);
    }
    return sum;
  }

  /** Positions of this replica's broadcast subscription. */
  broadcastPositions(): { subscription: string; topic: string; partition: number; position: number }[] {
    return (this.broadcast?.positions() ?? []).map((place) => ({ subscription: `${this.service}.live`, ...place }));
  }

  /**
   * Position and head of every partition of the shared subscription, and of this replica's broadcast one. `at` names a
   * state of the database: stored positions that were read at it are not read again.
   */
  async progress(at?: string): Promise<PartitionState[]> {
    const broadcast = this.broadcastPositions();
    const [shared, heads] = await Promise.all([
      this.shared ? progressOf(this.positionsAt(at), this.heads as unknown as EventLog, this.service, this.sharedTopics) : [],
      this.headsOf(this.broadcastTopics),
    ]);
    return [
      ...shared.map(({ group, ...place }) => ({ subscription: group, ...place })),
      ...broadcast.map((place) => ({ ...place, head: heads.get(place.topic)?.[place.partition] ?? 0 })),
    ];
  }

  private positionsAt(at: string | undefined): Queryable {
    return {
      query: <Row>(sql: string, parameters?: unknown[]) => {
        if (at === undefined || this.stored?.at !== at) {
          const rows = this.database.query(sql, parameters);
          this.stored = at === undefined ? undefined : { at, rows };
          rows.catch(() => (this.stored = undefined));
          return rows as Promise<Row[]>;
        }
        return this.stored.rows as Promise<Row[]>;
      },
    };
  }

  private async headsOf(topics: TopicName[]): Promise<Map<string, number[]>> {
    return new Map(await Promise.all(topics.map(async (topic) => [topic as string, await this.heads.heads(topic)] as const)));
  }
}

const asHeard = ({ id, name, key, time, payload }: Delivered<any>): Heard<any> => ({ id, name, key, time, payload });

const topicsOf = (subscribers: { event: keyof typeof events }[]): TopicName[] => [...new Set(subscribers.map(({ event }) => events[event].topic))];
