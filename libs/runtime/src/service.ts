import type { EventName, Payload, ServiceName } from '@rhei/contracts';
import type { Client, ServiceDefinition as GrpcDefinition } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { EntitySchema, MigrationInterface } from 'typeorm';
import type { z } from 'zod';
import type { Principal, Role } from './auth';
import type { Clock, Duration, Instant } from './clock';
import type { Blobs, Database, Transaction } from './transaction';
import type { Upstream } from './upstream';

/** What `run` hands to a service to build its own parts from. */
export interface Base<Config> {
  name: ServiceName;
  config: Config;
  clock: Clock;
  database: Database;
  blobs: Blobs;
  log: Logger;
  /** The id of this process in `live_replica`, which every service's database has: replicas with a lease, and whether each is ready. */
  replica: string;
  /** A client of another service with this service's credential, deadline and traceparent on every call. */
  peer<C extends Client>(service: ServiceName, client: GrpcClientConstructor<C>): C;
  /** Topics that upstream systems write. Undefined where the event log has no door to them. */
  upstream: Upstream | undefined;
  /** Monotonic milliseconds, for deadlines and durations that are recorded and never decide. */
  elapsed(): number;
}
export type GrpcClientConstructor<C extends Client> = new (...args: ConstructorParameters<typeof Client>) => C;

/** A service as an explicit list: what is not named here does not happen. */
export interface Service<Config = any, Deps = any> {
  name: ServiceName;
  /** zod shape of the variables; `run` reads each from `<SERVICE>_<VARIABLE>` first, then `<VARIABLE>`. */
  config: z.ZodType<Config>;
  migrations: (new () => MigrationInterface)[];
  /** What a store reads and writes through `tx.manager`. They describe what the migrations made; a test holds that both agree. */
  entities?: EntitySchema<any>[];
  deps(base: Base<Config>): Deps;
  rpc?(deps: Deps): Rpc[];
  /** Nest controllers; their constructor takes `@Inject(DEPS) deps`. */
  http?: HttpDoor[];
  on?: Subscriber<Deps>[];
  timers?: TimerHandler<Deps>[];
  resources?: ResourceKind<Deps>[];
  /** Kinds of other services that this one reads: it is asked before a new version of one is applied. */
  refers?: ReferredKind<Deps>[];
  /** Answers `rhei why`, by kind of thing. Undefined: not known here. */
  explain?: Record<string, (deps: Deps, id: string) => Promise<Explanation | undefined>>;
  /** Figures for `rhei status`, such as quarantined events. */
  figures?(deps: Deps): Promise<Record<string, number>>;
  counts?(deps: Deps): Promise<Record<string, number>>;
  /** Digests of all blobs that the service's rows name; what no service names is swept one day. Absent: they name none. */
  keeps?(deps: Deps): Promise<string[]>;
  /** Gauges for `/metrics` beside those of the runtime, read at each scrape: from memory, or by one query that is bounded. */
  gauges?(deps: Deps): GaugeReading[] | Promise<GaugeReading[]>;
  /** Rows of each digest in their order (replay.md, Digests); the runtime writes them as canonical JSON lines and hashes. */
  digests?: Record<string, (deps: Deps) => AsyncIterable<unknown>>;
  /**
   * Unfinished work that ends without the clock, traffic or a person, read from rows that transactions of `database` wrote.
   * One query: it runs after every commit, thousands of times a minute in a story.
   */
  inFlight?(deps: Deps): Promise<Record<string, number>>;
  /** What runs beside requests and events (a run's supervisor, a model loader). Started when the listeners are up. */
  workers?: Worker<Deps>[];
  /** Present state to take before readiness (a listing from the owner of a broadcast); called again at every rejoin and now and then. */
  refresh?(deps: Deps): Promise<void>;
}

export interface GaugeReading {
  /** By Prometheus's rules, with the service's prefix: `rhei_serving_model_info`. Units are seconds, bytes, ratios. */
  name: string;
  help: string;
  /** Their values must be few: names of resources, never ids, paths or texts. The label `service` is added. */
  labels: Record<string, string>;
  /** A counter only grows, and its name ends in `_total`. Default: a gauge. */
  type?: 'gauge' | 'counter';
  value: number;
}

export interface Worker<Deps> {
  name: string;
  start(deps: Deps): Promise<void>;
  stop(deps: Deps): Promise<void>;
}

export interface Rpc {
  /** As generated: `RegistryServiceService`. */
  definition: GrpcDefinition;
  methods: Record<string, RpcMethod>;
}
export interface RpcMethod {
  /** Roles that may call; `anyone` asks for no token and stands in the list of exceptions. */
  roles: Role[] | 'anyone';
  /** Milliseconds; the caller's own deadline counts when it is shorter. */
  deadline: number;
  /** Bytes; checked before decoding. Default 4 MiB. */
  maxBytes?: number;
  /** For a method that every service has: whether its calls stand in the traces of the service that the request names. */
  traced?: boolean;
  handle(request: any, call: Call): Promise<any>;
}

/** Who calls, how long is left, and where in which trace. */
export interface Call {
  principal: Principal;
  /** Milliseconds left. */
  remaining(): number;
  /** Aborted when the caller went away or the deadline passed. */
  signal: AbortSignal;
  traceparent: string;
}

export interface HttpDoor {
  controller: new (...args: any[]) => object;
  /** `"POST /ingestion/events"` → roles and limits. A route without an entry fails the start. */
  routes: Record<string, { roles: Role[] | 'anyone'; maxBytes?: number; deadline?: number }>;
}

/** An event as a subscriber sees it. */
export interface Heard<N extends EventName> {
  id: string;
  name: N;
  key: string;
  /** Business instant at which it was emitted. */
  time: Instant;
  payload: Payload<N>;
}

export type Subscriber<Deps> = SharedSubscriber<Deps> | BroadcastSubscriber<Deps>;
export interface SharedSubscriber<Deps, N extends EventName = any> {
  event: N;
  delivery: 'shared';
  /** The effect, inside the transaction that also records the event as taken. May run more than once until it commits. */
  handle(deps: Deps, event: Heard<N>, tx: Transaction): Promise<void>;
}
export interface BroadcastSubscriber<Deps, N extends EventName = any> {
  event: N;
  delivery: 'broadcast';
  /** Applied by every replica; compares revisions, an older one changes nothing. */
  handle(deps: Deps, event: Heard<N>): Promise<void>;
}
/** Declares what a service does about an event of another (or its own): `export const onX = shared('X', async (deps: Deps, event, tx) => …)`. */
export const shared = <Deps, N extends EventName>(event: N, handle: SharedSubscriber<Deps, N>['handle']): SharedSubscriber<Deps, N> =>
  ({ event, delivery: 'shared', handle });
export const broadcast = <Deps, N extends EventName>(event: N, handle: BroadcastSubscriber<Deps, N>['handle']): BroadcastSubscriber<Deps, N> =>
  ({ event, delivery: 'broadcast', handle });

export interface TimerHandler<Deps> {
  kind: string;
  /** Fires once for (kind, key), in one transaction with its effect. May arm others, only later than `due`. */
  fire(deps: Deps, timer: { key: string; due: Instant }, tx: Transaction): Promise<void>;
}

/** A kind that users apply and this service owns. */
export interface ResourceKind<Deps, Spec = any> {
  kind: string;
  /** Shape and defaults; unknown fields are errors. All errors at once, with paths. */
  schema: z.ZodType<Spec>;
  /** Rules beyond the shape: expressions compile, references exist in `bundle` or in what is known. */
  check(deps: Deps, resource: { name: string; spec: Spec }, bundle: Bundle): Promise<ResourceProblem[]>;
  /** What a new version means for those who use the resource, a line each; a plan shows them. */
  notes?(before: Spec, after: Spec): string[];
  /** Called in the transaction that stores a new version: keep own rows, arm timers, emit `<Kind>Applied`. */
  applied(deps: Deps, resource: { name: string; spec: Spec; version: number }, tx: Transaction): Promise<void>;
}
/** A kind that another service owns and this one reads. */
export interface ReferredKind<Deps> {
  kind: string;
  /**
   * What this service could not go on with if the resource became so; its owner has the word on the rest. `spec` is as the user
   * wrote it and may be of a wrong shape. What `bundle` replaces is judged in its new form.
   */
  check(deps: Deps, resource: { name: string; spec: Record<string, unknown> }, bundle: Bundle): Promise<ResourceProblem[]>;
}
export interface Bundle {
  /** The spec of another resource of the same bundle, as canonical JSON parsed. */
  find(kind: string, name: string): Record<string, unknown> | undefined;
}
export interface ResourceProblem {
  /** Path below the resource, such as `/spec/window`. */
  path: string;
  message: string;
  expected?: string;
  got?: string;
  hint?: string;
  /** Offset inside a string value (an expression), from 0. */
  offset?: number;
}

export interface Explanation {
  title: string;
  lines: string[];
  causes: { service: ServiceName; kind: string; id: string }[];
  /** Of the traces in which it happened, oldest first; what is empty does not count. */
  traceparents?: string[];
}

export type { Duration };

/** Nest token under which a controller finds its service's deps. */
export const DEPS = Symbol('deps');

export const service = <Config, Deps>(definition: Service<Config, Deps>): Service<Config, Deps> => definition;
