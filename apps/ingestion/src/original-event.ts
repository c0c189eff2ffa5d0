import { RheiError } from '@rhei/contracts';
import { readCloudEvent, type CloudEvent } from './cloud-event';
import { readBody } from './event-body';
import { isBinaryRequest, readBinaryRequest } from './http-event';
import { readKafkaEvent } from './kafka-event';
import type { QuarantineRow } from './quarantine.store';

/** What was sent, read again. */
export interface OriginalEvent {
  /** As structured mode has it; undefined where it cannot be read at all. */
  value?: Record<string, unknown>;
  event?: CloudEvent;
  /** Why it is no event. */
  fault?: RheiError;
}

/** Reads what is kept in quarantine by the way it came: from a topic, or by HTTP in binary or structured mode. Never throws for what it holds. */
export function readOriginal({ original, headers = {}, stood }: Pick<QuarantineRow, 'original' | 'headers' | 'stood'>): OriginalEvent {
  if (stood !== undefined) {
    // A record without a value and one with an empty one are kept alike; neither has data.
    const { value, event, fault } = readKafkaEvent({ headers, value: original.length === 0 ? null : original });
    return { value: asObject(value), event, fault };
  }
  let value: unknown;
  try {
    value = isBinaryRequest(headers) ? readBinaryRequest(headers, original) : structured(original);
    return { value: asObject(value), event: readCloudEvent(value) };
  } catch (error) {
    if (!(error instanceof RheiError)) throw error;
    return { value: asObject(value), fault: error };
  }
}

/** One CloudEvent in JSON. Errors: `invalid`, `too_large`. */
export function structured(bytes: Buffer): unknown {
  const { events: [event] } = readBody(bytes, 'application/cloudevents+json');
  if (event.fault !== undefined) throw event.fault;
  return event.value;
}

const asObject = (value: unknown): Record<string, unknown> | undefined => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined);
