import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { Span } from '@opentelemetry/api';
import type { ServiceName } from '@rhei/contracts';

/** What travels with a piece of work: in which trace it is, for which service, caused by which event. */
export interface WorkContext {
  /** W3C Trace Context, such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. */
  traceparent: string;
  service?: ServiceName;
  eventId?: string;
  /** The span of this work, where tracing is on. */
  span?: Span;
  /** The trace was made up here and nobody else knows it: a span below begins a trace of its own. */
  fresh?: boolean;
}

const storage = new AsyncLocalStorage<WorkContext>();
const shape = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

/** Random bytes are drawn for many traces at once: each draw costs a call into the system. */
const pool = { hex: '', at: 0 };

/** The first hop of a new trace. */
export function newTraceparent(): string {
  if (pool.at >= pool.hex.length) Object.assign(pool, { hex: randomBytes(24 * 64).toString('hex'), at: 0 });
  const { hex, at } = pool;
  pool.at += 48;
  return `00-${hex.slice(at, at + 32)}-${hex.slice(at + 32, at + 48)}-01`;
}

/** The traceparent as it came, where it is a valid one. */
export function validTraceparent(sent: unknown): string | undefined {
  const match = typeof sent === 'string' ? shape.exec(sent) : null;
  return match !== null && !/^0+$/.test(match[1]) && !/^0+$/.test(match[2]) ? match[0] : undefined;
}

/** The caller's trace where it sent a valid one, else a new one. */
export const acceptTraceparent = (sent: unknown): string => validTraceparent(sent) ?? newTraceparent();

/** The same trace for work that is not worth a span, such as a question that is asked again and again. */
export const unsampled = (traceparent: string): string => `${traceparent.slice(0, -2)}00`;

const worked = new Map<ServiceName, number>();

/** Milliseconds that handlers of a service took in this process so far, waiting included: where the time of a story goes. */
export const workedFor = (service: ServiceName): number => Math.round(worked.get(service) ?? 0);

/** Runs `work`, and all that it awaits, in this context. */
export function inContext<Result>(context: WorkContext, work: () => Result): Result {
  const { service } = context;
  // What a service does within its own work is counted once.
  if (service === undefined || storage.getStore()?.service === service) return storage.run(context, work);
  const started = performance.now();
  const done = (): void => void worked.set(service, (worked.get(service) ?? 0) + performance.now() - started);
  const result = storage.run(context, work);
  if (result instanceof Promise) result.then(done, done);
  else done();
  return result;
}

export const currentContext = (): WorkContext | undefined => storage.getStore();

/** The trace of the work in hand; a new one when there is none. */
export const currentTraceparent = (): string => storage.getStore()?.traceparent ?? newTraceparent();

/** The 32 hex digits that name a trace in logs and answers. */
export const traceIdOf = (traceparent = storage.getStore()?.traceparent): string => traceparent?.slice(3, 35) ?? 'none';
