import { Environment, EvaluationError } from '@marcbachmann/cel-js';
import { civilOf, formatDuration, formatInstant, HOUR, MILLISECOND, MINUTE, parseDuration, parseInstant, SECOND, type Civil } from './time';
import { CelDuration, CelTimestamp } from './values';

/** The names under which `timestamp()` and `duration()` are called: the library's own make other types and cannot be replaced. */
export const RENAMED: Readonly<Record<string, string>> = { timestamp: '__timestamp', duration: '__duration' };

class MathNamespace {}

const fail = (message: string): never => {
  throw new EvaluationError({ code: 'invalid_value', message });
};

const orFail = <T>(read: () => T): T => {
  try {
    return read();
  } catch (error) {
    return fail((error as Error).message);
  }
};

const instant = (micros: number): CelTimestamp =>
  Number.isSafeInteger(micros) ? new CelTimestamp(micros) : fail('the timestamp is outside of the years 1685 to 2254');
const span = (micros: number): CelDuration =>
  Number.isSafeInteger(micros) ? new CelDuration(micros) : fail('the duration is longer than 285 years');
const signedDuration = (text: string): CelDuration =>
  new CelDuration(orFail(() => (text.startsWith('-') ? -parseDuration(text.slice(1)) : parseDuration(text))));

/** What every expression may use beyond the standard of CEL. Variables are declared on a clone. */
export function baseEnvironment(): Environment {
  const env = new Environment({ homogeneousAggregateLiterals: false });
  addTime(env);
  addMixedNumbers(env);
  addMath(env);
  return env;
}

function addTime(env: Environment): void {
  env.registerType('timestamp', { ctor: CelTimestamp, fields: {} });
  env.registerType('duration', { ctor: CelDuration, fields: {} });
  const add = (signature: string, handler: (...args: never[]) => unknown): void => void env.registerFunction(signature, handler, { async: false });

  add('__timestamp(string): timestamp', (text: string) => instant(orFail(() => parseInstant(text))));
  add('__timestamp(int): timestamp', (seconds: bigint) => instant(Number(seconds) * SECOND));
  add('__timestamp(double): timestamp', (seconds: number) => instant(Math.round(seconds * SECOND)));
  add('__timestamp(timestamp): timestamp', (value: CelTimestamp) => value);
  add('__duration(string): duration', signedDuration);
  add('__duration(duration): duration', (value: CelDuration) => value);
  add('string(timestamp): string', (value: CelTimestamp) => formatInstant(value.micros));
  add('string(duration): string', (value: CelDuration) => formatDuration(value.micros));
  add('int(timestamp): int', (value: CelTimestamp) => BigInt(Math.floor(value.micros / SECOND)));

  const read = (name: string, part: (civil: Civil) => number): void =>
    add(`timestamp.${name}(): int`, (value: CelTimestamp) => BigInt(part(civilOf(value.micros))));
  read('getFullYear', ({ year }) => year);
  read('getMonth', ({ month }) => month - 1);
  read('getDate', ({ day }) => day);
  read('getDayOfMonth', ({ day }) => day - 1);
  read('getDayOfWeek', ({ weekday }) => weekday);
  read('getDayOfYear', ({ dayOfYear }) => dayOfYear);
  read('getHours', ({ hour }) => hour);
  read('getMinutes', ({ minute }) => minute);
  read('getSeconds', ({ second }) => second);
  read('getMilliseconds', ({ microsecond }) => Math.floor(microsecond / MILLISECOND));
  for (const [name, unit] of [['getHours', HOUR], ['getMinutes', MINUTE], ['getSeconds', SECOND], ['getMilliseconds', MILLISECOND]] as const) {
    add(`duration.${name}(): int`, (value: CelDuration) => BigInt(Math.trunc(value.micros / unit)));
  }

  for (const type of ['timestamp', 'duration']) {
    env.registerOperator(`${type} == ${type}`, (a: CelTimestamp, b: CelTimestamp) => a.micros === b.micros);
    env.registerOperator(`${type} < ${type}`, (a: CelTimestamp, b: CelTimestamp) => a.micros < b.micros);
    env.registerOperator(`${type} <= ${type}`, (a: CelTimestamp, b: CelTimestamp) => a.micros <= b.micros);
    env.registerOperator(`${type} > ${type}`, (a: CelTimestamp, b: CelTimestamp) => a.micros > b.micros);
    env.registerOperator(`${type} >= ${type}`, (a: CelTimestamp, b: CelTimestamp) => a.micros >= b.micros);
  }
  env.registerOperator('timestamp - timestamp: duration', (a: CelTimestamp, b: CelTimestamp) => span(a.micros - b.micros));
  env.registerOperator('timestamp - duration: timestamp', (a: CelTimestamp, b: CelDuration) => instant(a.micros - b.micros));
  env.registerOperator('timestamp + duration: timestamp', (a: CelTimestamp, b: CelDuration) => instant(a.micros + b.micros));
  env.registerOperator('duration + timestamp: timestamp', (a: CelDuration, b: CelTimestamp) => instant(a.micros + b.micros));
  env.registerOperator('duration + duration: duration', (a: CelDuration, b: CelDuration) => span(a.micros + b.micros));
  env.registerOperator('duration - duration: duration', (a: CelDuration, b: CelDuration) => span(a.micros - b.micros));
}

/** JSON has one kind of number and CEL two, so `row.delay + 12` would be double + int, which CEL refuses. Here the int is widened. */
function addMixedNumbers(env: Environment): void {
  const operators: Record<string, (a: number, b: number) => number> = {
    '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b,
  };
  for (const [operator, compute] of Object.entries(operators)) {
    env.registerOperator(`int ${operator} double: double`, (a: bigint, b: number) => compute(Number(a), b));
    env.registerOperator(`double ${operator} int: double`, (a: number, b: bigint) => compute(a, Number(b)));
  }
  // The loose comparison of a bigint and a number is exact; a conversion would round large integers.
  env.registerOperator('int == double', (a: bigint, b: number) => a == (b as unknown));
}

/** Named as in CEL's math extension; all of them give a double, so that the type of `math.abs(data.x)` is known for any JSON. */
function addMath(env: Environment): void {
  env.registerType('Math', { ctor: MathNamespace, fields: {} });
  env.registerConstant('math', 'Math', new MathNamespace());
  const functions: Record<string, (value: number) => number> = {
    abs: Math.abs, ceil: Math.ceil, floor: Math.floor, sqrt: Math.sqrt,
    // Halves go away from zero, as in CEL; Math.round would take -2.5 to -2.
    round: (value) => Math.sign(value) * Math.round(Math.abs(value)),
  };
  for (const [name, compute] of Object.entries(functions)) {
    for (const type of ['int', 'double']) {
      env.registerFunction(`Math.${name}(${type}): double`, (_math: unknown, value: number | bigint) => compute(Number(value)), { async: false });
    }
  }
  for (const [name, compute] of [['greatest', Math.max], ['least', Math.min]] as const) {
    for (const [left, right] of [['int', 'int'], ['int', 'double'], ['double', 'int'], ['double', 'double']]) {
      env.registerFunction(`Math.${name}(${left}, ${right}): double`, (_math: unknown, a: number | bigint, b: number | bigint) => compute(Number(a), Number(b)), { async: false });
    }
  }
}
