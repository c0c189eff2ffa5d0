import { invalid, RheiError } from '@rhei/contracts';
import { formatInstant, parseInstant } from '@rhei/expressions';
import { readCloudEvent, show, type CloudEvent } from './cloud-event';
import { limits, readData } from './event-body';
import { readOriginal, structured } from './original-event';
import type { QuarantineRow } from './quarantine.store';

/** What a person sends in the place of an event: one of the two is empty. */
export interface Mending {
  /** The whole event as CloudEvents JSON. */
  eventJson: string;
  /** Its data alone; the attributes stay as they were sent. */
  dataJson: string;
}

/**
 * The event as it is mended. It stays the event that it was: source and id, and type and event time where those were not
 * what was wrong with it.
 * @throws RheiError `invalid` with the field, `too_large`
 */
export function mendedEvent(row: QuarantineRow, { eventJson, dataJson }: Mending): CloudEvent {
  if ((eventJson === '') === (dataJson === '')) {
    throw invalid('A mended event is either the whole event (event_json) or its data (data_json).', { field: 'event_json', expected: 'one of event_json and data_json', got: eventJson === '' ? 'neither' : 'both' });
  }
  const original = readOriginal(row);
  const value = eventJson === '' ? { ...attributesOf(row, original.value), data: dataOf(dataJson) } : structured(Buffer.from(eventJson));
  const event = readCloudEvent(value);
  stays('source', row.source, event.source, row);
  if (row.eventId !== '') stays('id', row.eventId, event.id, row);
  if (row.eventType !== '' && row.field !== 'type') stays('type', row.eventType, event.type, row);
  const time = row.rule === 'time' || row.rule === 'skew' || row.field === 'time' ? undefined : timeOf(original.value);
  if (time !== undefined) stays('time', formatInstant(time), event.time === undefined ? 'nothing' : formatInstant(event.time), row);
  return event;
}

function attributesOf({ sequence, source }: QuarantineRow, value: Record<string, unknown> | undefined): Record<string, unknown> {
  if (value === undefined) {
    throw invalid(`Event ${sequence} in quarantine cannot be read as a CloudEvent, so there are no attributes to keep. Send the whole event.`, { field: 'data_json', expected: 'event_json', got: 'data_json', hint: `A CloudEvent in JSON with the source "${source}".` });
  }
  // A claim that nobody believed, and what the data was called before it was replaced.
  const { data: _data, data_base64: _binary, datacontenttype: _type, ...attributes } = value;
  return { ...attributes, source };
}

function dataOf(json: string): unknown {
  const { value, fault } = readData(Buffer.from(json));
  if (fault === undefined) return value;
  throw new RheiError(fault.code, fault.message, { ...fault.details, field: 'data_json', got: fault.details.got ?? show(json.slice(0, limits.depth)) });
}

function stays(field: string, was: string, is: string, { sequence }: QuarantineRow): void {
  if (was === is) return;
  throw invalid(`Event ${sequence} in quarantine keeps its ${field} when it is mended: expected ${was}, got ${is}.`, { field, expected: was, got: is, hint: 'To say something else than this event did, send an event of its own.' });
}

function timeOf(value: Record<string, unknown> | undefined): number | undefined {
  try {
    return typeof value?.time === 'string' ? parseInstant(value.time) : undefined;
  } catch {
    return undefined;
  }
}
