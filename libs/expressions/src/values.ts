import type { Duration, Instant } from './time';

/** A CEL timestamp. The library's own is a Date, which would lose what is finer than a millisecond. */
export class CelTimestamp {
  constructor(readonly micros: Instant) {}
  valueOf(): number {
    return this.micros;
  }
}

/** A CEL duration in microseconds. */
export class CelDuration {
  constructor(readonly micros: Duration) {}
  valueOf(): number {
    return this.micros;
  }
}

/** A value of a declared record. It is a Map, because the library reads the fields of a Map through get(). */
export abstract class CelRecord extends Map<string, unknown> {
  abstract readonly plain: Readonly<Record<string, unknown>>;
}

/** A value that has no counterpart on the other side. */
export class ValueProblem extends Error {
  constructor(readonly expected: string, readonly got: string, readonly path?: string) {
    super(`${path ?? 'value'}: expected ${expected}, got ${got}`);
  }
  at(path: string): ValueProblem {
    return new ValueProblem(this.expected, this.got, path);
  }
}

/** The name under which errors speak of a JavaScript value's type. */
export function typeOfValue(value: unknown): string {
  switch (typeof value) {
    case 'boolean': return 'bool';
    case 'bigint': return 'int';
    case 'number': return 'double';
    case 'object':
      if (value === null) return 'null';
      if (value instanceof CelTimestamp) return 'timestamp';
      if (value instanceof CelDuration) return 'duration';
      if (Array.isArray(value)) return 'list';
      return 'map';
    default: return typeof value;
  }
}

/** From what CEL computes with to plain JavaScript: integers as numbers, timestamps and durations in microseconds, records as they came. */
export function toPlain(value: unknown): unknown {
  switch (typeof value) {
    case 'bigint': {
      const number = Number(value);
      if (!Number.isSafeInteger(number)) throw new ValueProblem('an int between -(2^53 - 1) and 2^53 - 1', `${value}`);
      return number;
    }
    case 'object':
      if (value === null) return null;
      if (value instanceof CelTimestamp || value instanceof CelDuration) return value.micros;
      if (value instanceof CelRecord) return value.plain;
      if (Array.isArray(value)) return value.map(toPlain);
      if (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) {
        return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item)]));
      }
      throw new ValueProblem('a plain value', value.constructor?.name ?? 'an object');
    default:
      return value;
  }
}
