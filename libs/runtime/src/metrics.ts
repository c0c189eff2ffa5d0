import type { ServerResponse } from 'node:http';
import { status as Grpc } from '@grpc/grpc-js';
import type { ServiceName } from '@rhei/contracts';
import type * as Prometheus from 'prom-client';
import { elapsed } from './clock';
import { Figures, type Figure } from './metrics-figures';
import type { OwnRoute } from './http-server';
import type { RunningService } from './running-service';

/** Label of what belongs to the process and to no service of it. */
const OWN = 'runtime';
/** Label of requests that no route takes: their paths are anybody's choice. */
const UNMATCHED = 'unmatched';
/** Milliseconds for which an answer serves those who ask again. */
const FRESH = 1_000;
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Figures of the client library that break Prometheus's own rules: gauges that end like counters. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

interface Instruments {
  prometheus: typeof Prometheus;
  registry: Prometheus.Registry;
  http: Prometheus.Histogram;
  grpc: Prometheus.Histogram;
  events: Prometheus.Histogram;
}

/** One for the process, as its memory and processor are: a series says in its label `service` whose it is. */
let instruments: Instruments | undefined;

/** From now on calls are measured. Loaded when a server starts: the command line needs none of it. */
export async function openMetrics(): Promise<void> {
  const prometheus = await import('prom-client');
  if (instruments) return;
  const registry = new prometheus.Registry();
  prometheus.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const histogram = (name: string, help: string, labelNames: string[]) => new prometheus.Histogram({ name, help, labelNames, buckets: BUCKETS, registers: [registry] });
  instruments = {
    prometheus, registry,
    http: histogram('http_server_request_duration_seconds', 'Time to answer an HTTP request, by the pattern of its route; status 499: the client went away first.', ['service', 'route', 'method', 'status']),
    grpc: histogram('rpc_server_call_duration_seconds', 'Time to answer a gRPC call.', ['service', 'rpc_method', 'rpc_response_status_code']),
    events: histogram('rhei_event_handler_duration_seconds', 'Time that a handler took for one attempt with an event. Several share a transaction: those before the one that failed are handled again.', ['service', 'event', 'outcome']),
  };
}

const observed = new WeakSet<ServerResponse>();

/** Measures a request until its response is closed. `door` is `GET /things/:id`; undefined: no route takes it. Of two calls for one response the first counts. */
export function observeHttp(service: ServiceName | undefined, door: string | undefined, response: ServerResponse): void {
  if (!instruments || observed.has(response)) return;
  observed.add(response);
  const { http } = instruments;
  const started = elapsed();
  const [method, route] = door?.split(' ') ?? [UNMATCHED, UNMATCHED];
  response.once('close', () => http.observe({ service: service ?? OWN, route, method, status: response.writableFinished ? response.statusCode : 499 }, secondsSince(started)));
}

/** Measures a call until the function that it returns is told the status; what that is told later changes nothing. */
export function observeGrpc(service: ServiceName | undefined, path: string): (code: Grpc) => void {
  const started = elapsed();
  let open = instruments !== undefined;
  return (code) => {
    if (open) instruments?.grpc.observe({ service: service ?? OWN, rpc_method: path.slice(1), rpc_response_status_code: Grpc[code] ?? 'UNKNOWN' }, secondsSince(started));
    open = false;
  };
}

/** Measures the handling of an event. */
export async function observeEvent<Result>(service: ServiceName, event: string, handle: () => Promise<Result>): Promise<Result> {
  const started = elapsed();
  let outcome = 'failed';
  try {
    const result = await handle();
    outcome = 'handled';
    return result;
  } finally {
    instruments?.events.observe({ service, event, outcome }, secondsSince(started));
  }
}

const secondsSince = (started: number): number => (elapsed() - started) / 1_000;

/** `GET /metrics`: a scraper has a credential like everybody else. At most one answer a second is made. */
export function metricsRoute(services: ReadonlyMap<ServiceName, RunningService>): OwnRoute {
  const figures = new Figures();
  let answer: { at: number; text: Promise<string> } | undefined;
  return {
    route: 'GET /metrics', entry: { roles: ['auditor', 'operator', 'developer', 'admin', 'service'], deadline: 10_000 },
    handle: async (_request, response) => {
      if (answer === undefined || elapsed() - answer.at >= FRESH) {
        answer = { at: elapsed(), text: Promise.all([...services.values()].map((service) => figures.of(service))).then((all) => textOf(all.flat())) };
      }
      response.type('text/plain; version=0.0.4; charset=utf-8').send(await answer.text);
    },
  };
}

/** What was measured and what was read now, in Prometheus's text format. */
async function textOf(figures: Figure[]): Promise<string> {
  if (!instruments) return '';
  const { prometheus, registry } = instruments;
  const families = new Map<string, Figure[]>();
  for (const figure of figures) families.set(figure.name, [...(families.get(figure.name) ?? []), figure]);
  const read = new prometheus.Registry();
  for (const [name, list] of [...families].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const options = { name, help: list[0].help, labelNames: [...new Set(list.flatMap(({ labels }) => Object.keys(labels)))], registers: [read] };
    // A counter can only be added to: what was counted so far is added to a new one.
    const family = list[0].type === 'counter' ? new prometheus.Counter(options) : new prometheus.Gauge(options);
    for (const { labels, value } of list) family.inc(labels, value);
  }
  return `${await read.metrics()}\n${await registry.metrics()}`;
}
