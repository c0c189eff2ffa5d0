import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Attributes, type Context, type Link, type Span, type SpanContext, type Tracer } from '@opentelemetry/api';
import { RheiError, type ServiceName } from '@rhei/contracts';
import { listed } from './span-attributes';
import { currentContext, inContext, newTraceparent, validTraceparent, type WorkContext } from './telemetry';

/** Where the spans of a service go, and how its event log is called in them. */
export interface ServiceTracer {
  tracer: Tracer;
  messaging: string;
}

export interface SpanPlan {
  name: string;
  /** Default: internal. */
  kind?: SpanKind;
  attributes?: Attributes;
  /** Traceparents of what this was caused by, beside its parent. */
  links?: string[];
}

export interface Work {
  service: ServiceName | undefined;
  /** What the caller sent, an event brought or a row kept. Anything but a valid traceparent begins a new trace. */
  parent?: unknown;
  eventId?: string;
  /** Asked only where tracing is on: without it no span costs anything. Absent: what is not worth a span, such as a probe. */
  span?(tracer: ServiceTracer): SpanPlan;
}

const LONGEST_REASON = 300;
const tracers = new Map<ServiceName, ServiceTracer>();

/** Lets spans of these services begin. Returns what ends that. */
export function useTracers(added: ReadonlyMap<ServiceName, ServiceTracer>): () => void {
  for (const [service, tracer] of added) tracers.set(service, tracer);
  return () => {
    for (const [service, tracer] of added) if (tracers.get(service) === tracer) tracers.delete(service);
  };
}

/** Whether spans of this service go anywhere. */
export const isTraced = (service: ServiceName): boolean => tracers.has(service);

/** The context of work that comes from outside: with a span where tracing is on, else with the trace that it came in. */
export function contextOf({ service, parent, eventId, span: plan }: Work): WorkContext {
  const from = validTraceparent(parent);
  const tracer = service && tracers.get(service);
  const rest = { ...(service && { service }), ...(eventId !== undefined && { eventId }) };
  if (!tracer || !plan) return { traceparent: from ?? newTraceparent(), fresh: from === undefined, ...rest };
  const span = begin(tracer, plan(tracer), from === undefined ? ROOT_CONTEXT : below(from));
  return { traceparent: traceparentOf(span), span, ...rest };
}

/** A span below the work in hand, or a root when there is none; undefined where tracing is off. */
export function childSpan(plan: (tracer: ServiceTracer) => SpanPlan, service = currentContext()?.service): Span | undefined {
  const tracer = service && tracers.get(service);
  if (!tracer) return undefined;
  return begin(tracer, plan(tracer), hereOf(currentContext()));
}

/** Runs a part of the work in hand in a span of its own. */
export function inSpan<Result>(plan: () => SpanPlan, work: () => Promise<Result>): Promise<Result> {
  const span = childSpan(plan);
  if (!span) return work();
  return ended(span, () => inContext({ ...currentContext(), traceparent: traceparentOf(span), span, fresh: false }, work));
}

/**
 * Goes on with what a row has kept, in the trace of what caused it: in a span of its own, or directly below that cause
 * where no span is planned.
 */
export function resume<Result>({ service, traceparent, span: plan }: { service: ServiceName; traceparent: string; span?: () => SpanPlan }, work: () => Promise<Result>): Promise<Result> {
  const context = contextOf({ service, parent: traceparent, ...(plan && { span: plan }) });
  const { span } = context;
  return span ? ended(span, () => inContext(context, work)) : inContext(context, work);
}

/** Notes a part of the work in hand that is over, such as what a child process tells of itself. Milliseconds since 1970. */
export function recordSpan(name: string, from: number, to: number, attributes?: Attributes): void {
  const here = currentContext();
  const tracer = here?.service && tracers.get(here.service);
  if (tracer) tracer.tracer.startSpan(name, { startTime: from, ...(attributes && { attributes }) }, hereOf(here)).end(to);
}

/** Adds to the span of the work in hand by what people will search for it. Asked only where there is one. */
export function annotate(attributes: () => Attributes): void {
  const span = currentContext()?.span;
  if (!span?.isRecording()) return;
  for (const [name, value] of Object.entries(attributes())) {
    if (value !== undefined) span.setAttribute(name, Array.isArray(value) ? listed(value as string[]) : value);
  }
}

/** Says that the work in hand was caused, or is continued, in another trace. */
export function linkTo(traceparent: string): void {
  const span = currentContext()?.span;
  const context = span?.isRecording() ? spanContextOf(traceparent) : undefined;
  if (context) span!.addLink({ context });
}

/**
 * Runs what several requests wait for together. One of them alone: in its own trace. Several: in a new one that is linked
 * to each, as each is to it, because no one of them is the parent.
 */
export async function inGroup<Result>(name: string, waiting: readonly (WorkContext | undefined)[], work: () => Promise<Result>): Promise<Result> {
  const causes = [...new Map(waiting.flatMap((one) => (one ? [[one.traceparent, one] as const] : []))).values()];
  const [first] = causes;
  if (!first) return work();
  if (causes.length === 1 || !first.service || !tracers.has(first.service)) return inContext(first, work);
  const context = contextOf({ service: first.service, span: () => ({ name, attributes: { 'rhei.requests': causes.length }, links: causes.map(({ traceparent }) => traceparent) }) });
  const link = { context: context.span!.spanContext() };
  for (const { span } of causes) span?.addLink(link);
  return ended(context.span!, () => inContext(context, work));
}

/** Ends a span: by the moment `at` of the monotonic clock where it is not now, and with what went wrong. */
export function finish(span: Span | undefined, error?: unknown, at?: number): void {
  if (!span) return;
  if (error !== undefined && span.isRecording()) {
    const known = error instanceof RheiError;
    span.setAttribute('error.type', known ? error.code : error instanceof Error ? error.name : 'unknown');
    span.setStatus({ code: SpanStatusCode.ERROR, message: withoutSecrets(error instanceof Error ? error.message : String(error)) });
  }
  span.end(at);
}

async function ended<Result>(span: Span, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work();
    span.end();
    return result;
  } catch (error) {
    finish(span, error);
    throw error;
  }
}

export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${(traceFlags & 1) === 1 ? '01' : '00'}`;
}

function begin({ tracer }: ServiceTracer, { name, kind = SpanKind.INTERNAL, attributes, links = [] }: SpanPlan, parent: Context): Span {
  const found = links.flatMap((traceparent): Link[] => {
    const context = spanContextOf(traceparent);
    return context ? [{ context }] : [];
  });
  const span = tracer.startSpan(name, { kind, ...(found.length > 0 && { links: found }) }, parent);
  if (attributes && span.isRecording()) span.setAttributes(attributes);
  return span;
}

const hereOf = (here: WorkContext | undefined): Context => (here === undefined || here.fresh ? ROOT_CONTEXT : here.span ? trace.setSpan(ROOT_CONTEXT, here.span) : below(here.traceparent));

function below(traceparent: string): Context {
  const context = spanContextOf(traceparent);
  return context ? trace.setSpanContext(ROOT_CONTEXT, context) : ROOT_CONTEXT;
}

function spanContextOf(traceparent: string): SpanContext | undefined {
  const valid = validTraceparent(traceparent);
  return valid === undefined ? undefined : { traceId: valid.slice(3, 35), spanId: valid.slice(36, 52), traceFlags: Number.parseInt(valid.slice(53), 16) & 1, isRemote: true };
}

/** A message may quote a URL with its password; spans leave the house. */
const withoutSecrets = (text: string): string => text.replace(/(:\/\/[^:@/\s]*):[^@/\s]*@/g, '$1:…@').slice(0, LONGEST_REASON);
