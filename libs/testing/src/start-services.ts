import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { events, serviceNames, type EventName, type Payload, type ServiceName } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { installPostgresLog } from '@rhei/messaging';
import {
  createLogger, isQuiet, pause, run, runTimer, setTime, type Environment, type Instant, type Principal, type Progress, type Running, type Service, type ServiceDatabase,
} from '@rhei/runtime';
import { ROLE_PASSWORD, testCluster } from './cluster';
import { freshName } from './database';
import { EventSpy } from './event-spy';
import { makeTokens } from './tokens';

export interface StartOptions {
  /** Default: system. */
  clock?: 'system' | 'replay';
  /** Where a replay clock starts. */
  at?: Instant;
  /** Further variables. */
  env?: Environment;
  principals?: Principal[];
  /** Where log lines go; with LOG_LEVEL in `env`. */
  logTo?: { write(line: string): void };
}

export interface RunningServices {
  /** `http://127.0.0.1:port` */
  http: string;
  /** `127.0.0.1:port` */
  grpc: string;
  running: Running;
  /** The variables that they run with; a second start with these finds the same databases. */
  env: Environment;
  /** Token of a principal: admin, dev, reviewer, oper, aud, airline, filler, gate, or a service's name. */
  token(name: string): string;
  now(): Instant;
  /** Moves the virtual clock of all services. */
  setTime(time: Instant): Promise<void>;
  /** Fires due timers one after the other, each settled, the clock at the due time of each; up to `until`, where the clock then stands (default: now). Returns what fired. */
  runTimers(until?: Instant): Promise<{ service: ServiceName; kind: string; key: string; due: Instant }[]>;
  /** Waits until nothing is left to do without the clock or a person. Fails when that takes longer than `ms`. */
  settle(ms?: number): Promise<void>;
  /** Says an event as its owning service would, whether that runs here or not. */
  publish<N extends EventName>(name: N, key: string | number, payload: Payload<N>): Promise<void>;
  /** What was said so far, in the order of the log per partition; complete after `settle()`. */
  published<N extends EventName>(name: N): Payload<N>[];
  /** The database of a service that runs here. */
  database(service: ServiceName): ServiceDatabase;
  stop(): Promise<void>;
}

/** Runs services in this process on fresh databases of a real PostgreSQL, with a log and a blob folder of their own. */
export async function startServices(services: Service<any, any>[], { clock = 'system', at, env = {}, principals, logTo }: StartOptions = {}): Promise<RunningServices> {
  const cluster = await testCluster();
  const folder = mkdtempSync(join(tmpdir(), 'rhei-services-'));
  const tokens = makeTokens(join(folder, 'principals.json'), principals);
  const logName = freshName('log');
  await cluster.createDatabase(logName);
  await installPostgresLog(cluster.adminUrl(logName));
  const logUrl = (service: string) => cluster.urlFor(`rhei_${service}`, ROLE_PASSWORD, logName);
  const databases = [logName];
  const variables: Environment = {
    HTTP_PORT: '0', GRPC_PORT: '0', LOG_LEVEL: 'silent', PRINCIPALS: join(folder, 'principals.json'), BLOBS: `file:${join(folder, 'blobs')}`, CLOCK: clock,
    ...(at !== undefined && { CLOCK_START: formatInstant(at) }),
  };
  for (const { name } of services) {
    const database = freshName(name);
    databases.push(database);
    await cluster.createDatabase(database, `rhei_${name}`);
    const prefix = name.toUpperCase();
    variables[`${prefix}_DATABASE_URL`] = cluster.urlFor(`rhei_${name}`, ROLE_PASSWORD, database);
    variables[`${prefix}_EVENT_LOG`] = logUrl(name);
    variables[`${prefix}_TOKEN`] = tokens[name];
  }
  Object.assign(variables, env);
  const spy = await EventSpy.start(cluster.adminUrl(logName), createLogger('runtime', 'silent'), logUrl);
  const cleanUp = async () => {
    await spy.stop();
    for (const name of databases) await cluster.dropDatabase(name);
    rmSync(folder, { recursive: true, force: true });
  };
  let running: Running;
  try {
    running = await run(services, { env: variables, ...(logTo && { logTo }) });
  } catch (error) {
    await cleanUp();
    throw error;
  }
  const all = serviceNames.flatMap((name) => running.services.get(name) ?? []);
  const now = () => Math.max(...all.map((service) => service.clock.now()));
  const settle = (ms = 20_000) => settled(all.map(({ progress }) => () => progress.whenQuiet()), spy, ms);
  const moveTo = async (time: Instant) => {
    await Promise.all(all.map((service) => setTime(service, time)));
  };
  return {
    http: running.http, grpc: running.grpc, running, env: variables, now, settle, setTime: moveTo,
    token(name) {
      const token = tokens[name];
      if (token === undefined) throw new Error(`No principal "${name}": expected one of ${Object.keys(tokens).join(', ')}.`);
      return token;
    },
    async runTimers(until = now()) {
      const fired: { service: ServiceName; kind: string; key: string; due: Instant }[] = [];
      for (;;) {
        await settle();
        const waiting = await Promise.all(all.map(async (service, rank) => ({ service, rank, timer: await service.timers.next() })));
        const due = waiting.flatMap(({ service, rank, timer }) => (timer && timer.due <= until ? [{ service, rank, ...timer }] : []))
          .sort((a, b) => a.due - b.due || a.rank - b.rank);
        if (due.length === 0) break;
        const [{ service, due: time }] = due;
        await moveTo(Math.max(time, now()));
        const { fired: timer } = await runTimer(service);
        if (timer) fired.push({ service: service.name, ...timer });
      }
      if (until > now()) {
        await moveTo(until);
        await settle();
      }
      return fired;
    },
    async publish(name, key, payload) {
      const owner = running.services.get(events[name].from);
      if (owner) await owner.database.transaction((tx) => tx.emit(name, key, payload));
      else await spy.say(name, key, payload, now());
    },
    published: (name) => spy.payloads(name),
    database(name) {
      const service = running.services.get(name);
      if (!service) throw new Error(`Service ${name} does not run here.`);
      return service.database;
    },
    async stop() {
      await running.stop();
      await cleanUp();
    },
  };
}

/** Two equal vectors of progress in a row, all of them quiet, and everything heard by the spy. */
async function settled(ask: (() => Promise<Progress>)[], spy: EventSpy, ms: number): Promise<void> {
  const until = performance.now() + ms;
  let before = '';
  for (;;) {
    const vector = await Promise.all(ask.map((one) => one()));
    const text = JSON.stringify(vector);
    const quiet = vector.every(isQuiet);
    if (quiet && text === before && (await spy.isCurrent())) return;
    before = quiet ? text : '';
    if (performance.now() > until) {
      const busy = vector.filter((progress) => !isQuiet(progress)).map(({ inFlight, unsent, positions }) => ({ inFlight, unsent, behind: positions.filter(({ position, head }) => position < head) }));
      throw new Error(`Not settled after ${ms} ms: ${JSON.stringify(busy)}`);
    }
    await pause(quiet ? 0 : 2);
  }
}
