import { RheiError } from '@rhei/contracts';
import { compile, digestOf, ExpressionError, formatInstant, hashUnit, type Expression, type FieldType, type Instant } from '@rhei/expressions';
import type { Story, Template } from './story';
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

export interface Delivery {
  event: CloudEvent;
  kind: 'event' | 'duplicate' | 'conflict' | 'malformed';
}

export interface Step {
  from: Instant;
  to: Instant;
  /** The examples to be asked about, known by what had arrived at `from`. */
  asks: CloudEvent[];
  /** What arrives at `to`, in order. */
  deliveries: Delivery[];
}

export interface Plan {
  digest: string;
  steps: Step[];
  counts: { rows: number; sent: number; duplicates: number; conflicts: number; malformed: number; asked: number };
}

/** Everything that will be sent and asked, decided before the first step by the story, the table and the seed alone. */
export function makePlan(story: Story, table: Table, { shuffle }: { shuffle: boolean }): Plan {
  const { period, sample, faults, events, ask } = story.spec;
  const rows = shuffle ? shuffleDays(table.rows, table.timeColumn, period.from, sample.seed) : table.rows;
  const altered = alteration(story, table);
  const makers = events.map((event) => eventMaker(event, table.columns));
  const steps: Step[] = [];
  for (let from = period.from; from < period.to; from += period.step) steps.push({ from, to: from + period.step, asks: [], deliveries: [] });
  const counts = { rows: rows.length, sent: 0, duplicates: 0, conflicts: 0, malformed: 0, asked: 0 };
  const stepOf = (time: Instant): number => Math.floor((time - period.from) / period.step);
  const chance = (purpose: string, id: string): number => hashUnit(sample.seed, purpose, id);

  const deliver = (at: number, delivery: Delivery): boolean => {
    if (at < 0 || at >= steps.length) return false;
    steps[at].deliveries.push(delivery);
    counts.sent += 1;
    return true;
  };

  rows.forEach((original, index) => {
    const row = altered(original);
    for (const make of makers) {
      const { event, time } = make(row, index);
      const at = stepOf(time);
      const late = faults.late !== undefined && chance('late', event.id) < faults.late.share ? Math.ceil(faults.late.by / period.step) : 0;
      if (ask?.on === event.type && at >= 0 && at < steps.length) {
        steps[at].asks.push(event);
        counts.asked += 1;
      }
      if (!deliver(at + late, { event, kind: 'event' })) continue;
      const again = at + late + Math.floor(chance('repeated after', event.id) * 3);
      if (chance('duplicate', event.id) < faults.duplicates && deliver(again, { event, kind: 'duplicate' })) counts.duplicates += 1;
      if (chance('conflict', event.id) < faults.conflicts && deliver(again, { event: { ...event, time: formatInstant(time + 1_000_000) }, kind: 'conflict' })) counts.conflicts += 1;
      if (chance('malformed', event.id) < faults.malformed) {
        // The index makes each broken event unlike any other, so that none is taken for a repetition.
        const broken = { ...event, id: `${event.id}-malformed`, data: { malformed: counts.malformed } };
        if (deliver(at + late, { event: broken, kind: 'malformed' })) counts.malformed += 1;
      }
    }
  });
  const digest = digestOf({ story: story.source as object, table: table.digest, rows: rows.length, shuffle });
  return { digest, steps, counts };
}

function eventMaker(event: Story['spec']['events'][number], columns: Record<string, FieldType>) {
  const where = (field: string): string => `event ${event.type}, ${field}`;
  const variables: Record<string, FieldType> = { row: columns, index: 'int' };
  const read = (source: string, field: string, returns: 'string' | 'timestamp' | 'dyn'): Expression => compiled(source, where(field), variables, returns);
  const id = read(event.id, 'id', 'string');
  const time = read(event.time, 'time', 'timestamp');
  const subject = event.subject === undefined ? undefined : read(event.subject, 'subject', 'string');
  const data = fill(event.data, (source, path) => read(source, path, 'dyn'), 'data');
  return (row: Row, index: number): { event: CloudEvent; time: Instant } => {
    const values = { row, index };
    const instant = time.evaluate(values) as Instant;
    return {
      time: instant,
      event: {
        specversion: '1.0', id: id.evaluate(values) as string, source: event.source, type: event.type, time: formatInstant(instant),
        ...(subject === undefined ? {} : { subject: subject.evaluate(values) as string }), datacontenttype: 'application/json', data: data(values),
      },
    };
  };
}

type Values = { row: Row; index: number };

function fill(template: Template, read: (source: string, path: string) => Expression, path: string): (values: Values) => unknown {
  if (typeof template === 'string') {
    const expression = read(template, path);
    return expression.type === 'timestamp' ? (values) => formatInstant(expression.evaluate(values) as Instant) : (values) => expression.evaluate(values);
  }
  if (Array.isArray(template)) {
    const items = template.map((item, index) => fill(item, read, `${path}/${index}`));
    return (values) => items.map((item) => item(values));
  }
  if (typeof template === 'object') {
    const fields = Object.entries(template).map(([name, value]) => [name, fill(value, read, `${path}/${name}`)] as const);
    return (values) => Object.fromEntries(fields.map(([name, field]) => [name, field(values)]));
  }
  return () => template;
}

/** A change of the world, made on purpose: columns of the rows of an interval are computed anew. */
function alteration({ spec: { alter } }: Story, { columns, timeColumn }: Table): (row: Row) => Row {
  const changes = alter.map(({ from, to, set }) => ({
    from, to, columns: Object.entries(set).map(([column, source]) => [column, compiled(source, `alter ${column}`, { row: columns }, 'dyn')] as const),
  }));
  return (row) => changes.reduce((current, change) => {
    const time = current[timeColumn] as Instant;
    if (time < change.from || time >= change.to) return current;
    return { ...current, ...Object.fromEntries(change.columns.map(([column, expression]) => [column, expression.evaluate({ row: current }) as Row[string]])) };
  }, row);
}

function compiled(source: string, where: string, variables: Record<string, FieldType>, returns: 'string' | 'timestamp' | 'dyn'): Expression {
  try {
    return compile(source, { variables, returns });
  } catch (error) {
    if (error instanceof ExpressionError) throw new RheiError('invalid', `The story's ${where}: ${error.message}`);
    throw error;
  }
}
