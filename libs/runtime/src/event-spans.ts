import { randomUUID } from 'node:crypto';
import { SpanKind } from '@opentelemetry/api';
import { events, type EventName, type ServiceName } from '@rhei/contracts';
import type { Delivered } from '@rhei/messaging';
import { elapsed } from './clock';
import { causesOf, processedAttributes, sentAttributes } from './span-attributes';
import { childSpan, contextOf, finish, isTraced, traceparentOf } from './spans';
import { inContext } from './telemetry';
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
export async function processing(service: ServiceName, group: string, event: Delivered, handle: () => Promise<void>, tx?: Transaction): Promise<void> {
  const { traceparent, id, topic, payload } = event;
  const context = contextOf({
    service, parent: traceparent, eventId: id,
    span: ({ messaging }) => ({
      name: `process ${topic}`, kind: SpanKind.CONSUMER, attributes: processedAttributes(messaging, group, event),
      links: causesOf(payload, traceparent),
    }),
  });
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
