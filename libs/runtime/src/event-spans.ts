import { randomUUID } from 'node:crypto';
import { SpanKind } from '@opentelemetry/api';
import { events, type EventName, type ServiceName } from '@rhei/contracts';
import type { Delivered } from '@rhei/messaging';
import { elapsed } from './clock';
import { batchAttributes, causesOf, MOST_IDS, processedAttributes, sentAttributes } from './span-attributes';
import { childSpan, contextOf, finish, isTraced, traceparentOf } from './spans';
import { inContext, type WorkContext } from './telemetry';
import type { Transaction } from './transaction';

/** The span of an event that is written in a transaction; its context travels with the event. Undefined where tracing is off. */
export function sendingOf(service: ServiceName, name: EventName, key: string, payload: object): { id: string; traceparent: string; end(): void } | undefined {
  if (!isTraced(service)) return undefined;
  const id = randomUUID();
  const span = childSpan(({ messaging }) => ({ name: `send ${events[name].topic}`, kind: SpanKind.PRODUCER, attributes: sentAttributes(messaging, id, name, key, payload) }), service);
  return span && { id, traceparent: traceparentOf(span), end: () => span.end() };
}

/**
 * Handles an event in its trace. Its span is a child of the one that sent it, and linked to the other traces that caused
 * it. Not to its parent: Jaeger would show a span that does both without its parent. Effects of a transaction count, and
 * are seen, once they are committed.
 */
export function processing(service: ServiceName, group: string, event: Delivered, handle: () => Promise<void>, tx?: Transaction): Promise<void> {
  const { traceparent, id, topic, payload } = event;
  const context = contextOf({
    service, parent: traceparent, eventId: id,
    span: ({ messaging }) => ({
      name: `process ${topic}`, kind: SpanKind.CONSUMER, attributes: processedAttributes(messaging, group, event),
      links: causesOf(payload, traceparent),
    }),
  });
  return carried(context, handle, tx);
}

/** The same for records of an upstream system's topic, which come many at once: below the one trace that they bring, or in a new one with links to several. */
export function processingBatch(service: ServiceName, place: { topic: string; partition: number }, causes: string[], records: number, handle: () => Promise<void>, tx: Transaction): Promise<void> {
  const [first, ...others] = causes;
  const context = contextOf({
    service, parent: others.length === 0 ? first : undefined,
    span: ({ messaging }) => ({
      name: `process ${place.topic}`, kind: SpanKind.CONSUMER, attributes: batchAttributes(messaging, place, records), links: others.length === 0 ? [] : causes.slice(0, MOST_IDS),
    }),
  });
  return carried(context, handle, tx);
}

async function carried(context: WorkContext, handle: () => Promise<void>, tx?: Transaction): Promise<void> {
  const { span } = context;
  if (!span) return inContext(context, handle);
  try {
    await inContext(context, handle);
  } catch (error) {
    finish(span, error);
    throw error;
  }
  const at = elapsed();
  if (tx) tx.afterCommit(() => finish(span, undefined, at));
  else finish(span);
}
