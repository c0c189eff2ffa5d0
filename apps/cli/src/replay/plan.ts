import { digestOf, formatInstant, hashUnit, type Instant } from '@rhei/expressions';
import { eventMaker } from './event-maker';
import { upstreamOf } from './faults';
import type { Story } from './story';
import { compiled } from './story-expression';
import { shuffleDays, type Row, type Table } from './table';

/** A CloudEvent in its structured form. */
export interface CloudEvent {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  time: string;
  subject?: string;
  datacontenttype: 'application/json';
  data: unknown;
}

export type DeliveryKind = 'event' | 'duplicate' | 'conflict' | 'malformed' | 'broken' | 'correction' | 'withdrawal' | 'poisoned';

export interface Delivery {
  event: CloudEvent;
  kind: DeliveryKind;
}

export interface Step {
  from: Instant;
  to: Instant;
  /** The examples to be asked about, known by what had arrived at `from`. */
  asks: CloudEvent[];
  /** What arrives at `to`, in order. */
  deliveries: Delivery[];
}

export interface PlanCounts {
  rows: number;
  asked: number;
  /** Deliveries; always `accepted + duplicates + quarantined`. */
  sent: number;
  accepted: number;
  duplicates: number;
  quarantined: number;
  /** What is quarantined, by why. */
  conflicts: number;
  malformed: number;
  broken: number;
  /** Parts of what is accepted. Revisions of poisoned events are corrections too. */
  corrections: number;
  withdrawals: number;
  poisoned: number;
  /** Deliveries that came later than their upstream wrote them, for whatever else they are. */
  late: number;
}

export interface Plan {
  digest: string;
  steps: Step[];
  counts: PlanCounts;
}

/** Everything that will be sent and asked, decided before the first step by the story, the table and the seed alone. */
export function makePlan(story: Story, table: Table, { shuffle }: { shuffle: boolean }): Plan {
  const { period, sample, faults, events, ask } = story.spec;
  const rows = shuffle ? shuffleDays(table.rows, table.timeColumn, period.from, sample.seed) : table.rows;
  const altered = alteration(story, table);
  const makers = events.map((event) => eventMaker(event, table.columns));
  const upstream = upstreamOf(story, table.columns);
  const steps: Step[] = [];
  for (let from = period.from; from < period.to; from += period.step) steps.push({ from, to: from + period.step, asks: [], deliveries: [] });
  const sent: Record<DeliveryKind | 'late', number> = { event: 0, duplicate: 0, conflict: 0, malformed: 0, broken: 0, correction: 0, withdrawal: 0, poisoned: 0, late: 0 };
  let asked = 0;
  const stepOf = (time: Instant): number => Math.floor((time - period.from) / period.step);
  const chance = (purpose: string, id: string): number => hashUnit(sample.seed, purpose, id);
  const lateness = ({ id, type }: CloudEvent): number => {
    const { late } = faults;
    if (late === undefined || late.events?.includes(type) === false || chance('late', id) >= late.share) return 0;
    return Math.ceil(late.by / period.step);
  };
  const deliver = (at: number, event: CloudEvent, kind: DeliveryKind): boolean => {
    if (at < 0 || at >= steps.length) return false;
    steps[at].deliveries.push({ event, kind });
    sent[kind] += 1;
    return true;
  };

  rows.forEach((original, index) => {
    const row = altered(original, index);
    for (const make of makers) {
      const made = make(row, index);
      const happened = stepOf(made.time);
      if (ask?.on === made.event.type && happened >= 0 && happened < steps.length) {
        steps[happened].asks.push(made.event);
        asked += 1;
      }
      for (const { event, at: writtenAt, kind } of upstream(made, row, index)) {
        const late = lateness(event);
        const at = stepOf(writtenAt) + late;
        if (!deliver(at, event, kind)) {
          // Of a fact that nobody hears of there is no revision either.
          if (event.id === made.event.id) break;
          continue;
        }
        if (late > 0) sent.late += 1;
        const again = (): number => at + Math.floor(chance('repeated after', event.id) * 3);
        if (chance('duplicate', event.id) < faults.duplicates) deliver(again(), event, 'duplicate');
        // A broken event is mended under its id: another content of it would be in the way of that.
        if (kind !== 'broken' && chance('conflict', event.id) < faults.conflicts) deliver(again(), { ...event, time: formatInstant(made.time + 1_000_000) }, 'conflict');
        if (event.id === made.event.id && chance('malformed', event.id) < faults.malformed) {
          // The index makes each broken event unlike any other, so that none is taken for a repetition.
          deliver(at, { ...event, id: `${event.id}-malformed`, data: { malformed: sent.malformed } }, 'malformed');
        }
      }
    }
  });
  const digest = digestOf({ story: story.source as object, seed: sample.seed, table: table.digest, rows: rows.length, shuffle });
  return { digest, steps, counts: countsOf(sent, rows.length, asked) };
}

function countsOf(sent: Record<DeliveryKind | 'late', number>, rows: number, asked: number): PlanCounts {
  const accepted = sent.event + sent.correction + sent.withdrawal + sent.poisoned;
  const quarantined = sent.conflict + sent.malformed + sent.broken;
  return {
    rows, asked, sent: accepted + sent.duplicate + quarantined, accepted, duplicates: sent.duplicate, quarantined,
    conflicts: sent.conflict, malformed: sent.malformed, broken: sent.broken,
    corrections: sent.correction, withdrawals: sent.withdrawal, poisoned: sent.poisoned, late: sent.late,
  };
}

/** A change of the world, made on purpose: columns of the rows of an interval are computed anew. */
function alteration({ spec: { alter, sample } }: Story, { columns, timeColumn }: Table): (row: Row, index: number) => Row {
  const changes = alter.map(({ from, to, set }) => ({
    from, to, columns: Object.entries(set).map(([column, source]) => [column, compiled(source, `alter ${column}`, { row: columns, index: 'int', draw: 'double' }, 'dyn')] as const),
  }));
  return (original, index) => changes.reduce((row, change) => {
    const time = row[timeColumn] as Instant;
    if (time < change.from || time >= change.to) return row;
    const computed = change.columns.map(([column, expression]) =>
      [column, expression.evaluate({ row, index, draw: hashUnit(sample.seed, `alter ${column}`, index) }) as Row[string]]);
    return { ...row, ...Object.fromEntries(computed) };
  }, original);
}
