import type { Attributes } from '@opentelemetry/api';
import { events, type EventName, type ServiceName } from '@rhei/contracts';
import type { Delivered } from '@rhei/messaging';
import { traceIdOf } from './telemetry';

/** Ids that one span may name; a commit may gather thousands. */
export const MOST_IDS = 100;

/** By what people search for a trace. A list of one is its value: Jaeger finds texts, not members of lists. */
export const listed = (ids: string[]): string | string[] => (ids.length === 1 ? ids[0] : ids.slice(0, MOST_IDS));

/** What an event is about, read from the fields that all events call by one name. */
export function subjectsOf(payload: object): Attributes {
  const { model, version, run, deployment, digest, records, predictions, labels, monitor } = payload as Record<string, any>;
  const found: Attributes = {};
  if (typeof model === 'string') found['rhei.model.name'] = model;
  if (typeof model === 'string' && typeof version === 'number') found['rhei.model.version'] = version;
  if (typeof digest === 'string') found['rhei.model.digest'] = digest;
  if (typeof run === 'string') found['rhei.run.id'] = run;
  if (typeof deployment === 'string') found['rhei.deployment'] = deployment;
  if (typeof monitor === 'string') found['rhei.monitor'] = monitor;
  if (Array.isArray(records)) Object.assign(found, { 'rhei.record.id': listed(records.slice(0, MOST_IDS).map(({ source, id }) => `${source}/${id}`)), 'rhei.records': records.length });
  if (Array.isArray(predictions)) Object.assign(found, { 'rhei.prediction.id': listed(predictions.slice(0, MOST_IDS).map(({ id }) => id)), 'rhei.predictions': predictions.length });
  if (Array.isArray(labels)) found['rhei.labels'] = labels.length;
  return found;
}

const cloudEvent = (id: string, name: EventName, key: string): Attributes => ({
  'messaging.message.id': id, 'rhei.event.id': id,
  'cloudevents.event_id': id, 'cloudevents.event_source': `/rhei/${events[name].from}`, 'cloudevents.event_spec_version': '1.0',
  'cloudevents.event_type': events[name].type, 'cloudevents.event_subject': key,
});

/** Of the span in which an event is written; the relay sends it after the commit. */
export const sentAttributes = (system: string, id: string, name: EventName, key: string, payload: object): Attributes => ({
  'messaging.system': system, 'messaging.operation.type': 'send', 'messaging.operation.name': 'send', 'messaging.destination.name': events[name].topic,
  ...cloudEvent(id, name, key), ...subjectsOf(payload),
});

/** Of the span in which an event takes effect. */
export const processedAttributes = (system: string, group: string, { id, name, key, topic, partition, offset, payload }: Delivered): Attributes => ({
  'messaging.system': system, 'messaging.operation.type': 'process', 'messaging.operation.name': 'process', 'messaging.destination.name': topic,
  'messaging.destination.partition.id': String(partition), 'messaging.consumer.group.name': group,
  ...(system === 'kafka' ? { 'messaging.kafka.offset': offset, 'messaging.kafka.message.key': key } : { 'rhei.log.offset': offset }),
  ...cloudEvent(id, name, key), ...subjectsOf(payload),
});

/** Of the span in which records of an upstream topic are taken in. */
export const batchAttributes = (system: string, { topic, partition }: { topic: string; partition: number }, records: number): Attributes => ({
  'messaging.system': system, 'messaging.operation.type': 'process', 'messaging.operation.name': 'process', 'messaging.destination.name': topic,
  'messaging.destination.partition.id': String(partition), 'messaging.batch.message_count': records,
});

/** What caused an event that carries what several requests brought: their spans, each once, in other traces than its own, as far as there is room for links. */
export function causesOf(payload: object, own = ''): string[] {
  const { records } = payload as { records?: { traceparent?: string }[] };
  if (!Array.isArray(records)) return [];
  const causes = new Set<string>();
  for (const { traceparent } of records) {
    if (traceparent !== undefined && traceIdOf(traceparent) !== traceIdOf(own) && causes.size < MOST_IDS) causes.add(traceparent);
  }
  return [...causes];
}

export const timerAttributes = (kind: string, key: string, due: number): Attributes => ({ 'rhei.timer.kind': kind, 'rhei.timer.key': key, 'rhei.timer.due': due });

/** The system of the log behind a URL, as the conventions call it. */
export const messagingSystemOf = (url: string): string => (url.startsWith('kafka') ? 'kafka' : 'postgresql');

/** Names that a service goes by in Jaeger and what all its spans carry. */
export const resourceOf = (service: ServiceName, instance: string): Attributes => ({ 'service.name': service, 'service.namespace': 'rhei', 'service.instance.id': instance });
