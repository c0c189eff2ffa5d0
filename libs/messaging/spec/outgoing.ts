import { registry, type EventName } from '@rhei/contracts';
import { append, type OutgoingEvent, type Queryable } from '../src';

/** An outbox event about a model; `version` tells events of one key apart. */
export function aModelApplied(model: string, version: number, more: Partial<OutgoingEvent> = {}): OutgoingEvent {
  const payload = registry.ModelApplied.encode(registry.ModelApplied.fromPartial({ name: model, version })).finish();
  return { eventName: 'ModelApplied', key: model, payload, time: 978_307_200_000_001, ...more };
}

export const write = (tx: Queryable, eventName: EventName, key: string | number, payload: Uint8Array): Promise<void> =>
  append(tx, { eventName, key, payload, time: 978_307_200_000_000 });
