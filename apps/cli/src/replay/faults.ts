import { hashUnit, type FieldType, type Instant } from '@rhei/expressions';
import { dataChange } from './data-change';
import type { CloudEvent, DeliveryKind } from './plan';
import type { Story } from './story';
import type { Row } from './table';

/** An event as its upstream writes it, and when it does. */
export interface Written {
  event: CloudEvent;
  at: Instant;
  kind: DeliveryKind;
}

/** What an upstream writes about one thing that happened: the event itself, wrong or broken where the story says so, and its revisions. */
export type Upstream = (made: { event: CloudEvent; time: Instant }, row: Row, index: number) => Written[];

/**
 * The faults of a story that change what is written. Each is decided by a hash of (seed, fault, event id), so that one has no
 * part in another. Errors: `invalid`, naming the expression.
 */
export function upstreamOf({ spec: { faults, period, sample } }: Story, columns: Record<string, FieldType>): Upstream {
  const chance = (purpose: string, id: string): number => hashUnit(sample.seed, purpose, id);
  const compile = (kind: string, change: Parameters<typeof dataChange>[0], index: number) => dataChange(change, `faults, ${kind} ${index + 1}`, columns);
  const revisions = (['correction', 'withdrawal'] as const).flatMap((kind) =>
    faults[`${kind}s`].map((one, index) => ({ ...one, kind, name: `${kind}-${index + 1}`, change: compile(`${kind}s`, one, index) })));
  const broken = faults.broken.map((one, index) => ({ ...one, change: compile('broken', one, index) }));
  const poisoned = faults.poisoned.map((one, index) => ({
    ...one, until: one.at + (one.for ?? period.step), change: compile('poisoned', one, index),
    correct: compile('poisoned', { rename: {}, unset: [], set: one.corrected?.set ?? {} }, index),
  }));

  return ({ event, time }, row, index) => {
    const truth = event.data as Record<string, unknown>;
    const drawFor = (id: string) => (field: string): number => chance(`draw ${field}`, id);
    const values = (data: Record<string, unknown>, id = event.id) => ({ row, data, index, draw: drawFor(id) });
    const written: Written[] = [];
    const poison = poisoned.find((one) => one.event === event.type && time >= one.at && time < one.until);
    if (poison !== undefined) {
      written.push({ event: { ...event, data: poison.change(values(truth)) }, at: time, kind: 'poisoned' });
      if (poison.corrected !== undefined) {
        const id = `${event.id}-corrected`;
        written.push({ event: { ...event, id, data: poison.correct(values(truth, id)) }, at: time + poison.corrected.after, kind: 'correction' });
      }
    } else {
      written.push({ event, at: time, kind: 'event' });
      for (const one of revisions) {
        const id = `${event.id}-${one.name}`;
        if (one.event !== event.type || chance(one.name, event.id) >= one.share) continue;
        written.push({ event: { ...event, id, data: one.change(values(truth, id)) }, at: time + one.after, kind: one.kind });
      }
    }
    return written.map((one) => {
      const fault = broken.find(({ event: type, from, to }) => type === event.type && one.at >= from && one.at < to);
      return fault === undefined ? one : { ...one, kind: 'broken', event: { ...one.event, data: fault.change(values(one.event.data as Record<string, unknown>, one.event.id)) } };
    });
  };
}
