import { randomUUID } from 'node:crypto';
import { openEventLog, messagingMigrations, Relay, ReplicaSlot, type EventLog } from '@rhei/messaging';
import type { ServiceName } from '@rhei/contracts';
import type { DestinationStream, Logger } from 'pino';
import { keepClaiming } from './blob-claims';
import { openBlobs } from './blobs';
import { elapsed, pause, type Clock } from './clock';
import { ConfigError, withoutSecret, type ServiceConfig } from './config';
import { ServiceDatabase } from './database';
import { isAway } from './database-errors';
import { LogHeads } from './log-heads';
import { createLogger } from './logger';
import { Peers } from './peers';
import { ProgressOf } from './progress';
import { openClock, Replica } from './replicas';
import { runtimeMigrations } from './runtime-migrations';
import type { Base, Service } from './service';
import { Subscriptions } from './subscriptions';
import { inContext, newTraceparent, unsampled, workedFor } from './telemetry';
import { Timers } from './timers';
import type { Blobs } from './transaction';
import { upstreamOf } from './upstream';

/** Milliseconds between two listings of the present state; a broadcast that was missed is made good by then. */
const REFRESH_EVERY = 60_000;

/** One service as it runs in this process: what is its own, in the order in which it comes up and goes down. */
export class RunningService {
  readonly timers: Timers<unknown>;
  readonly subscriptions: Subscriptions<unknown>;
  readonly replica: Replica;
  readonly progress: ProgressOf;
  private notReady: string | undefined = 'it is starting';
  private started: { name: string; stop(): Promise<void> }[] = [];
  private readonly relay: Relay;
  private readonly heads: LogHeads;
  private readonly stopping = new AbortController();
  private refreshing: Promise<void> = Promise.resolve();
  private claiming: Promise<void> = Promise.resolve();

  private constructor(
    readonly definition: Service, readonly config: ServiceConfig, readonly database: ServiceDatabase, readonly clock: Clock,
    readonly log: Logger, replica: string, readonly deps: unknown, private readonly eventLog: EventLog, private readonly peers: Peers, private readonly blobs: Blobs,
  ) {
    const { name, timers = [], on = [] } = definition;
    this.timers = new Timers(timers, () => deps, database, clock, log);
    this.heads = new LogHeads(config.eventLog, eventLog);
    this.subscriptions = new Subscriptions(name, on, () => deps, database, eventLog, this.heads, log);
    this.relay = new Relay({ service: name, database: config.databaseUrl, log: eventLog, logger: log });
    this.progress = new ProgressOf(this);
    this.replica = new Replica(replica, database, clock, log,
      () => ({ counters: this.counters(), positions: this.subscriptions.broadcastPositions() }), () => this.notReady === undefined);
    database.onCommit(({ emitted, armed }) => {
      if (emitted) this.relay.wake();
      if (armed) this.timers.wake();
      this.progress.wake();
    });
  }

  get name(): ServiceName {
    return this.definition.name;
  }

  /**
   * Opens the database and builds the service's own parts; nothing listens or runs yet.
   * @throws ConfigError when the database, the blobs or the kind of clock do not fit
   */
  static async open(definition: Service, config: ServiceConfig, addressOf: (peer: ServiceName) => string, destination?: DestinationStream): Promise<RunningService> {
    const { name } = definition;
    const log = createLogger(name, config.logLevel, destination);
    const database = await ServiceDatabase.open({
      service: name, url: config.databaseUrl, log, migrations: [...messagingMigrations, ...runtimeMigrations, ...definition.migrations],
      ...(definition.entities && { entities: definition.entities }),
    });
    try {
      const blobs = await openBlobs(config.blobs, config.blobsCache);
      const clock = await openClock(database, { kind: config.clock, start: config.clockStart });
      database.useClock(clock);
      const peers = new Peers(config.token, addressOf);
      const replica = randomUUID();
      const eventLog = openLog(name, config.eventLog, log);
      const base: Base<unknown> = {
        name, config: config.own, clock, database, blobs, log, replica, peer: (service, client) => peers.peer(service, client), elapsed,
        upstream: upstreamOf(name, eventLog, database, log),
      };
      return new RunningService(definition, config, database, clock, log, replica, definition.deps(base), eventLog, peers, blobs);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** Undefined: ready. */
  get notReadyBecause(): string | undefined {
    if (!this.database.reachable) return 'its database does not answer';
    return this.notReady;
  }

  /** Starts what runs beside requests. The listeners are up, so peers can be called. Resolves when the service is ready. */
  async start(): Promise<void> {
    await this.untilBlobsAnswer();
    if (this.stopping.signal.aborted) return;
    await this.reaching('DATABASE_URL', this.config.databaseUrl, () => this.replica.start());
    this.started.push({ name: 'replica', stop: () => this.replica.stop() });
    await this.reaching('EVENT_LOG', this.config.eventLog, () => this.relay.start());
    this.started.push({ name: 'relay', stop: () => this.relay.stop() });
    await this.untilLogAnswers();
    if (this.stopping.signal.aborted) return;
    await this.startBroadcast();
    this.started.push({ name: 'subscriptions', stop: () => this.subscriptions.stop() });
    for (const worker of this.definition.workers ?? []) {
      await this.within(() => worker.start(this.deps));
      this.started.push({ name: worker.name, stop: () => this.within(() => worker.stop(this.deps)) });
    }
    await this.firstListing();
    if (this.stopping.signal.aborted) return;
    await this.reaching('EVENT_LOG', this.config.eventLog, () => this.subscriptions.startShared());
    this.timers.start();
    this.started.push({ name: 'timers', stop: () => this.timers.stop() });
    this.notReady = undefined;
    this.claiming = this.unseen(() => keepClaiming(this.blobs, this.name, async () => (await this.definition.keeps?.(this.deps)) ?? [], this.log, this.stopping.signal));
    // The others count on it from now on. Should the database be away just now, the next renewal says it.
    await this.replica.tell().catch(() => undefined);
    this.log.info({}, 'ready');
  }

  /** No longer ready; answers what is in hand. */
  withdraw(): void {
    this.notReady = 'it is stopping';
    this.stopping.abort();
  }

  /** Ends what runs, the youngest first; the relay is the last but one, so that what was committed is still sent. */
  async stop(): Promise<void> {
    this.withdraw();
    await this.refreshing;
    await this.claiming;
    for (const { name, stop } of this.started.reverse()) {
      if (name === 'relay') await this.flush();
      await stop().catch((error: unknown) => this.log.error({ err: error, part: name }, 'a part did not stop well'));
    }
    this.started = [];
    this.peers.close();
    this.blobs.close?.();
    this.heads.close();
    await this.eventLog.close().catch((error: unknown) => this.log.warn({ err: error }, 'the event log did not close well'));
    await this.database.close();
  }

  counters(): Record<string, number> {
    return { ...this.subscriptions.counters(), commits: this.database.commits, timers: this.timers.fired, workMilliseconds: workedFor(this.name) };
  }

  /** Runs `work` in this service's context, in a new trace. */
  within<Result>(work: () => Result): Result {
    return inContext({ traceparent: newTraceparent(), service: this.name, fresh: true }, work);
  }

  /** The same for what is asked now and then whether or not there is news: it would fill the traces of a quiet system. */
  private unseen<Result>(work: () => Result): Result {
    return inContext({ traceparent: unsampled(newTraceparent()), service: this.name }, work);
  }

  /** A store that is away is waited for; one that will not work as it is set up ends the start. */
  private async untilBlobsAnswer(): Promise<void> {
    for (let attempt = 1; !this.stopping.signal.aborted; attempt += 1) {
      try {
        return await this.blobs.check?.();
      } catch (error) {
        if (error instanceof ConfigError) throw error;
        this.notReady = (error as Error).message;
        if (attempt % 20 === 1) this.log.warn({ err: error, attempt }, 'the blob store cannot be used yet; tried again');
        await pause(Math.min(2_000, 100 * attempt), this.stopping.signal);
      }
    }
  }

  /** As for the blobs. */
  private async untilLogAnswers(): Promise<void> {
    this.notReady = 'it waits for its event log';
    await this.reaching('EVENT_LOG', this.config.eventLog, async () => this.eventLog.ready?.(this.stopping.signal));
    if (!this.stopping.signal.aborted) this.notReady = 'it is starting';
  }

  private async startBroadcast(): Promise<void> {
    if (!this.subscriptions.hearsBroadcasts) return;
    const { name: service, config: { databaseUrl: database }, log } = this;
    let slot: ReplicaSlot | undefined;
    await this.reaching('DATABASE_URL', database, async () => void (slot = await ReplicaSlot.take({ service, database, logger: log, onFatal: endProcess(log) })));
    this.started.push({ name: 'replica slot', stop: () => slot!.release() });
    await this.reaching('EVENT_LOG', this.config.eventLog, () => this.subscriptions.startBroadcast(slot!.number));
  }

  private async firstListing(): Promise<void> {
    const { refresh } = this.definition;
    if (!refresh) return;
    for (let attempt = 1; !this.stopping.signal.aborted; attempt += 1) {
      try {
        await this.within(() => refresh(this.deps));
        this.refreshing = this.keepListing(refresh);
        return;
      } catch (error) {
        this.notReady = `it could not list what it needs from its peers: ${(error as Error).message}`;
        if (attempt % 20 === 1) this.log.warn({ err: error, attempt }, 'the first listing failed; tried again');
        await pause(Math.min(2_000, 50 * attempt), this.stopping.signal);
      }
    }
  }

  private async keepListing(refresh: (deps: unknown) => Promise<void>): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await pause(REFRESH_EVERY, this.stopping.signal);
      if (this.stopping.signal.aborted) return;
      await this.unseen(() => refresh(this.deps)).catch((error: unknown) => this.log.warn({ err: error }, 'a listing failed; the next one makes it good'));
    }
  }

  /** Gives what was committed a moment to be sent; what stays is sent after the next start. */
  private async flush(): Promise<void> {
    for (const until = elapsed() + 3_000; elapsed() < until; await pause(20)) {
      const unsent = await this.relay.unsent().catch(() => 0);
      if (unsent === 0) return;
      this.relay.wake();
    }
  }

  /** Does what may be done again, until what it needs is there. Nothing comes of it when the service is told to stop meanwhile. */
  private async reaching(variable: string, url: string, work: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await work();
        if (attempt > 1 && !this.stopping.signal.aborted) this.notReady = 'it is starting';
        return;
      } catch (error) {
        const { message } = error as Error;
        const about = `Service ${this.name} cannot use ${withoutSecret('', url)}: ${message}${/[.!?]$/.test(message) ? '' : '.'}`;
        if (!isAway(error) || this.stopping.signal.aborted) throw new ConfigError(`${about} Check that it runs and is set up, or change ${this.name.toUpperCase()}_${variable}.`);
        this.notReady = message || 'what it needs does not answer';
        if (attempt % 20 === 1) this.log.warn({ err: error, attempt }, 'a part cannot start yet; tried again');
        await pause(Math.min(2_000, 100 * attempt), this.stopping.signal);
      }
    }
  }
}

function openLog(service: ServiceName, url: string, logger: Logger): EventLog {
  try {
    return openEventLog({ url, service, logger, onFatal: endProcess(logger) });
  } catch (error) {
    throw new ConfigError(`Service ${service} cannot use its event log: ${(error as Error).message} Change ${service.toUpperCase()}_EVENT_LOG or EVENT_LOG.`);
  }
}

/** Something in this process cannot be trusted any more. Whoever runs it starts it again; nothing is lost by it. */
const endProcess = (log: Logger) => (reason: string): void => {
  log.fatal({ reason }, 'the process ends: it must be started again');
  process.exit(1);
};
