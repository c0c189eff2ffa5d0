import type { EventName, Payload, ServiceName } from '@rhei/contracts';
import type { Queryable } from '@rhei/messaging';
import type { EntityManager } from 'typeorm';
import type { Duration, Instant } from './clock';

/**
 * One transaction: state, outbox, timers and decisions commit together or not at all.
 * It fails (and is tried again) when the business clock moved while it ran.
 */
export interface Transaction extends Queryable {
  /** For simple entities; batches and hot paths use `query` with `unnest`. */
  readonly manager: EntityManager;
  /** The business instant at which all of this happens. */
  readonly now: Instant;
  /**
   * Writes an event to the outbox; it is sent after the commit. `key` is what the topic is ordered by; a topic whose key
   * is a shard takes the shard's number. Order of calls is order of sending per key.
   */
  emit<N extends EventName>(name: N, key: string | number, payload: Payload<N>): Promise<void>;
  /** Appends to the service's hash-chained record of decisions. `inputs` and `outcome` are JSON. */
  decide(decision: DecisionToRecord): Promise<void>;
  /** Sets or moves the timer (kind, key); it fires once, in a transaction of its own, at `due` or later. */
  arm(kind: string, key: string, due: Instant): Promise<void>;
  disarm(kind: string, key: string): Promise<void>;
  /** Runs when the commit succeeded. */
  afterCommit(act: () => void): void;
}

export interface DecisionToRecord {
  /** What it is about: `model/churn/3`, `monitor/renewals`, `run/…`. Must not hold random ids. */
  subject: string;
  /** A verb: `register`, `gate`, `approve`, `promote`, `request-retraining`, `decline-retraining` … */
  action: string;
  /** The principal's name, or the service's own where a rule decided. */
  by: string;
  inputs: unknown;
  outcome: unknown;
}

export interface Database extends Queryable {
  /** Writes. Repeated on serialization failures, deadlocks and a clock that moved, so `work` holds no outside effects. */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result>;
  /** Reads only, outside of a transaction. */
  query<Row = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<Row[]>;
}

/** Content-addressed store: the key is the SHA-256 of the bytes in hex. */
export interface Blobs {
  /** Writes once; the same bytes again are no error. Returns the digest. */
  put(bytes: Uint8Array): Promise<string>;
  /** The bytes, verified against the digest on every read. Errors: `not_found`, `internal` where the bytes are not what the key says. */
  get(digest: string): Promise<Uint8Array>;
  /** A path to a verified local copy, for child processes and native readers. */
  path(digest: string): Promise<string>;
  has(digest: string): Promise<boolean>;
  /** A link by which anybody can read the blob for some seconds, where the store can make one. */
  link?(digest: string, seconds: number): Promise<string>;
  /** Where the store is reached over a network: whether it can do what will be needed. Errors: ConfigError, `unavailable` while it is away. */
  check?(): Promise<void>;
  /** Keeps the blobs that the rows of a service name from being swept, where the store has a sweeper. */
  claim?(service: ServiceName, keeps: () => Promise<string[]>): Promise<void>;
  /** Lets go of its connections. */
  close?(): void;
}

export type { Duration };
