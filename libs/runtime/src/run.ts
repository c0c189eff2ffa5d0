import { HealthImplementation } from 'grpc-health-check';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { ServiceName } from '@rhei/contracts';
import type { DestinationStream, Logger } from 'pino';
import { pause } from './clock';
import { ConfigError, processEnvironment, readConfig, type Environment } from './config';
import type { Door } from './doors';
import { GrpcServer, serviceNameOf } from './grpc-server';
import { HttpServer, type OwnRoute } from './http-server';
import { createLogger } from './logger';
import { metricsRoute, openMetrics } from './metrics';
import { operations } from './operations';
import { Principals } from './principals';
import { replayControl } from './replay';
import { resources } from './resources';
import { RunningService } from './running-service';
import type { Service } from './service';
import { WaitingRoom } from './waiting-room';
import { openTracing } from './tracing';

/** Milliseconds for requests in hand at a stop, and for all of it. */
const FINISH = 8_000;
const STOP = 20_000;

export interface RunOptions {
  /** Variables instead of the process's own. */
  env?: Environment;
  onReady?: (running: Running) => void;
  /** Whether this call is the whole program: it then ends on SIGTERM and SIGINT, and a failed start ends the process with 2 or 1. Default: when `env` is not given. */
  program?: boolean;
  /** Where log lines go instead of standard output. */
  logTo?: DestinationStream;
}

/** What `run` has started. */
export interface Running {
  /** `http://127.0.0.1:8080` */
  http: string;
  /** `127.0.0.1:8081` */
  grpc: string;
  httpPort: number;
  grpcPort: number;
  services: ReadonlyMap<ServiceName, RunningService>;
  /** Every way in, with the roles that may take it. */
  doors(): { http: Door[]; grpc: Door[] };
  /** Resolves when every service is ready; rejects when one cannot start. */
  ready(): Promise<void>;
  /** Unready, no more intake, finish, flush. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Runs the services in this process: one HTTP port, one gRPC port, health, authentication and shutdown once, everything
 * else each service's own. Resolves when all are ready.
 * @throws ConfigError (exit code 2) when the process cannot start as it is configured
 */
export async function run(services: Service[], options: RunOptions = {}): Promise<Running> {
  const program = options.program ?? options.env === undefined;
  try {
    // A start may wait for long, and a container's first process dies of no signal that it does not listen to.
    const isUp = program ? stopOnSignals() : undefined;
    const running = await start(services, options);
    isUp?.(running);
    await running.ready().catch(async (error: unknown) => {
      await running.stop();
      throw error;
    });
    options.onReady?.(running);
    return running;
  } catch (error) {
    if (!program) throw error;
    process.stderr.write(`${error instanceof ConfigError ? error.message : ((error as Error).stack ?? String(error))}\n`);
    process.exit(error instanceof ConfigError ? error.exitCode : 1);
  }
}

/** As {@link run}, but resolves when the listeners are up, whatever its peers do. */
export async function start(services: Service[], { env = processEnvironment(), logTo }: RunOptions = {}): Promise<Running> {
  if (services.length === 0) throw new Error('run() needs at least one service.');
  const config = readConfig(services, env);
  const log = createLogger('runtime', config.logLevel, logTo);
  const principals = openPrincipals(config.principals, log);
  const opened = new Map<ServiceName, RunningService>();
  await openMetrics();
  const endTracing = config.tracing ? await openTracing(config.tracing, config.services, log) : async () => undefined;
  let grpcPort = config.grpcPort;
  let built: Process | undefined;
  const room = new WaitingRoom(config.httpPort, services.map(({ name }) => name), log);
  try {
    // Together: each waits for its own database most of the time.
    const results = await Promise.allSettled(services.map(async (definition) => {
      const own = config.services.get(definition.name);
      if (!own) throw new Error(`Service ${definition.name} has no configuration.`);
      return room.until(definition.name, () => RunningService.open(definition, own, (peer) => own.peers[peer] ?? `127.0.0.1:${grpcPort}`, logTo));
    }));
    for (const result of results) if (result.status === 'fulfilled') opened.set(result.value.name, result.value);
    throwAll(results);
    built = await Process.build(new Map(services.map(({ name }) => [name, opened.get(name) as RunningService])), principals, log, endTracing);
    grpcPort = await built.grpcServer.listen(config.grpcPort);
    await room.close();
    const httpPort = await built.httpServer.listen(config.httpPort);
    return built.started(httpPort, grpcPort);
  } catch (error) {
    await room.close();
    await built?.httpServer.stop(0);
    await built?.grpcServer.stop(0);
    await Promise.all([...opened.values()].map((service) => service.stop()));
    await endTracing();
    throw error;
  }
}

/** Several services may each have something to say about their configuration: all of it is said. */
function throwAll(results: PromiseSettledResult<unknown>[]): void {
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
  if (errors.length === 0) return;
  const other = errors.find((error) => !(error instanceof ConfigError));
  throw other ?? new ConfigError(errors.map(({ message }) => message).join('\n'));
}

function openPrincipals(path: string, log: Logger): Principals {
  try {
    return new Principals(path, log);
  } catch (error) {
    throw new ConfigError(`The principals file ${path} cannot be used: ${(error as Error).message}. Repair it, or set PRINCIPALS to another one.`);
  }
}

/** The listeners of this process and what stands behind them. */
class Process {
  private readonly health = new HealthImplementation();
  private readonly healthNames = new Map<RunningService, string[]>();
  private stopped: Promise<void> | undefined;
  private readonly stopping = new AbortController();
  private starting: Promise<void> = Promise.resolve();

  private constructor(readonly services: Map<ServiceName, RunningService>, readonly grpcServer: GrpcServer, readonly httpServer: HttpServer, private readonly log: Logger, private readonly endTracing: () => Promise<void>) {}

  static async build(services: Map<ServiceName, RunningService>, principals: Principals, log: Logger, endTracing: () => Promise<void>): Promise<Process> {
    const all = [...services.values()];
    const grpc = new GrpcServer(principals, log);
    const names = new Map<RunningService, string[]>();
    for (const service of all) {
      const rpcs = service.definition.rpc?.(service.deps) ?? [];
      for (const rpc of rpcs) grpc.add(rpc, service.name, service.log);
      names.set(service, [`rhei.${service.name}.v1`, ...rpcs.map(({ definition }) => serviceNameOf(definition))]);
    }
    grpc.add(resources(services), undefined);
    grpc.add(operations(services), undefined);
    const virtual = new Map([...services].filter(([, { clock }]) => clock.kind === 'replay'));
    if (virtual.size > 0) grpc.add(replayControl(virtual), undefined);
    const own = [...healthRoutes(services), metricsRoute(services)];
    const http = await HttpServer.build(all.map(({ name, definition, deps, log: logger }) => ({ name, doors: definition.http ?? [], deps, log: logger })), own, principals, log);
    const built = new Process(services, grpc, http, log, endTracing);
    for (const [service, list] of names) built.healthNames.set(service, list);
    built.health.addToServer({
      addService: (definition: ServiceDefinition, implementation: UntypedServiceImplementation) => grpc.addForeign(definition, implementation, 'anyone'),
    } as never);
    built.report();
    return built;
  }

  started(httpPort: number, grpcPort: number): Running {
    const all = [...this.services.values()];
    // One that cannot start ends the waiting of the others for their peers.
    this.starting = Promise.allSettled(all.map((service) => service.start().catch((error: unknown) => {
      for (const one of all) one.withdraw();
      throw error;
    }))).then((results) => {
      throwAll(results);
      this.report();
    });
    this.starting.catch((error: unknown) => this.log.error({ err: error }, 'a service could not start'));
    void this.keepReporting();
    this.log.info({ httpPort, grpcPort, services: [...this.services.keys()] }, 'listening');
    return {
      http: `http://127.0.0.1:${httpPort}`, grpc: `127.0.0.1:${grpcPort}`, httpPort, grpcPort, services: this.services,
      doors: () => ({ http: this.httpServer.doors(), grpc: this.grpcServer.doors() }),
      ready: () => this.starting,
      stop: () => (this.stopped ??= this.stop()),
    };
  }

  private async stop(): Promise<void> {
    const services = [...this.services.values()];
    for (const service of services) service.withdraw();
    this.stopping.abort();
    this.report();
    await Promise.all([this.httpServer.stop(FINISH), this.grpcServer.stop(FINISH)]);
    await this.starting.catch(() => undefined);
    await Promise.all(services.map((service) => service.stop()));
    await this.endTracing();
    this.log.info({}, 'stopped');
  }

  /** gRPC health is told, not asked: watchers hear of a change within a second. */
  private async keepReporting(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await pause(1_000, this.stopping.signal);
      this.report();
    }
  }

  private report(): void {
    let all = true;
    for (const service of this.services.values()) {
      const ready = service.notReadyBecause === undefined;
      all &&= ready;
      for (const name of this.healthNames.get(service) ?? []) this.health.setStatus(name, ready ? 'SERVING' : 'NOT_SERVING');
    }
    this.health.setStatus('', all ? 'SERVING' : 'NOT_SERVING');
  }
}

function healthRoutes(services: Map<ServiceName, RunningService>): OwnRoute[] {
  return [
    { route: 'GET /health/live', entry: { roles: 'anyone' }, handle: (_request, response) => void response.json({ status: 'live' }) },
    {
      route: 'GET /health/ready', entry: { roles: 'anyone' },
      handle: async (_request, response) => {
        const all = [...services.values()];
        await Promise.all(all.map(({ database }) => database.ping()));
        const detail = Object.fromEntries(all.map(({ name, notReadyBecause }) => [name, notReadyBecause === undefined ? { ready: true } : { ready: false, because: notReadyBecause }]));
        const ready = Object.values(detail).every((service) => service.ready);
        response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready', services: detail });
      },
    },
  ];
}

/** Ends the process on SIGTERM and SIGINT: at once until it is told what runs. */
function stopOnSignals(): (running: Running) => void {
  let running: Running | undefined;
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(130);
      if (running === undefined) process.exit(0);
      asked = true;
      setTimeout(() => process.exit(1), STOP).unref();
      running.stop().then(() => process.exit(0), () => process.exit(1));
    });
  }
  return (started) => {
    running = started;
  };
}
