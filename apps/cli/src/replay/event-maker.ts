import { formatInstant, type Expression, type FieldType, type Instant } from '@rhei/expressions';
import type { CloudEvent } from './plan';
import type { Story, Template } from './story';
import { compiled } from './story-expression';
import type { Row } from './table';

/** Compiles one of the story's events: what a row of the table becomes, and when that happens. Errors: `invalid`, naming the field. */
export function eventMaker(event: Story['spec']['events'][number], columns: Record<string, FieldType>): (row: Row, index: number) => { event: CloudEvent; time: Instant } {
  const variables: Record<string, FieldType> = { row: columns, index: 'int' };
  const read = (source: string, field: string, returns: 'string' | 'timestamp' | 'dyn'): Expression => compiled(source, `event ${event.type}, ${field}`, variables, returns);
  const id = read(event.id, 'id', 'string');
  const time = read(event.time, 'time', 'timestamp');
  const subject = event.subject === undefined ? undefined : read(event.subject, 'subject', 'string');
  const data = fill(event.data, (source, path) => read(source, path, 'dyn'), 'data');
  return (row, index) => {
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
