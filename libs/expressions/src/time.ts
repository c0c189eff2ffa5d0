/** An instant: whole microseconds since 1970-01-01T00:00:00Z. Negative before it. */
export type Instant = number;
/** A length of time in whole microseconds. */
export type Duration = number;

export const MICROSECOND = 1;
export const MILLISECOND = 1_000;
export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const UNITS: ReadonlyArray<readonly [name: string, size: number]> = [
  ['d', DAY], ['h', HOUR], ['m', MINUTE], ['s', SECOND], ['ms', MILLISECOND], ['us', MICROSECOND],
];

/**
 * Reads `14d`, `6h`, `90m`, `15s`, `500ms`, `20us`, and sums such as `1h30m` or `1.5h`.
 * @returns microseconds, never negative
 * @throws RangeError that says what was expected
 */
export function parseDuration(text: string): Duration {
  const wrong = (why: string): never => {
    throw new RangeError(`Duration ${JSON.stringify(text)} ${why}. Write a number and a unit (d, h, m, s, ms, us), such as "14d", "6h" or "1h30m".`);
  };
  const parts = [...text.matchAll(/(\d{1,18})(?:\.(\d{1,12}))?(ms|us|d|h|m|s)/gy)];
  if (parts.length === 0 || parts.reduce((length, [part]) => length + part.length, 0) !== text.length) wrong('cannot be read');
  let total = 0n;
  let rank = -1;
  for (const [, whole, fraction = '', name] of parts) {
    const at = UNITS.findIndex(([unit]) => unit === name);
    if (at <= rank) wrong('does not name its units once each, from large to small');
    rank = at;
    // Whole numbers throughout: 1.1h in floating point would be off by a fraction of a microsecond.
    const scale = 10n ** BigInt(fraction.length);
    const scaled = BigInt(whole + fraction) * BigInt(UNITS[at][1]);
    if (scaled % scale !== 0n) wrong('is finer than a microsecond');
    total += scaled / scale;
  }
  if (total > BigInt(Number.MAX_SAFE_INTEGER)) wrong('is longer than 285 years');
  return Number(total);
}

/** Whether {@link parseDuration} reads the text. */
export function isDuration(text: string): boolean {
  try {
    parseDuration(text);
    return true;
  } catch {
    return false;
  }
}

/** The shortest notation with one unit that {@link parseDuration} reads back: `90m`, `14d`. A minus sign stands before a negative one. */
export function formatDuration(duration: Duration): string {
  if (!Number.isSafeInteger(duration)) throw new RangeError(`A duration is a whole number of microseconds; got ${duration}.`);
  if (duration === 0) return '0s';
  const size = Math.abs(duration);
  const [name, unit] = UNITS.find(([, length]) => size % length === 0)!;
  return `${duration < 0 ? '-' : ''}${size / unit}${name}`;
}

/** A calendar date and time of day in UTC. */
export interface Civil {
  year: number;
  /** 1 to 12 */
  month: number;
  /** 1 to 31 */
  day: number;
  hour: number;
  minute: number;
  second: number;
  microsecond: number;
  /** 0 is Sunday */
  weekday: number;
  /** 0 is 1 January */
  dayOfYear: number;
}

/** The calendar reading of an instant, in UTC (proleptic Gregorian). */
export function civilOf(instant: Instant): Civil {
  const days = Math.floor(instant / DAY);
  const rest = instant - days * DAY;
  // Howard Hinnant, "chrono-compatible low-level date algorithms": the year starts in March, so that the leap day comes last.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfMarchYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfMarchYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return {
    year, month,
    day: dayOfMarchYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
    hour: Math.floor(rest / HOUR),
    minute: Math.floor(rest / MINUTE) % 60,
    second: Math.floor(rest / SECOND) % 60,
    microsecond: rest % SECOND,
    weekday: (((days + 4) % 7) + 7) % 7,
    dayOfYear: days - daysSinceEpoch(year, 1, 1),
  };
}

function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfMarchYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfMarchYear - 719_468;
}

const lengthOfMonth = (year: number, month: number): number =>
  month === 2 ? (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;

const INSTANT = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

/**
 * Reads an RFC 3339 date-time. Digits beyond the microsecond are cut off.
 * @throws RangeError that names the part that is wrong (30 February, hour 24, no offset, …)
 */
export function parseInstant(text: string): Instant {
  if (!INSTANT.test(text)) return wrongInstant(text, /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?$/.test(text) ? 'has no offset (Z, or +hh:mm)' : 'cannot be read');
  const [year, month, day] = [digitsAt(text, 0, 4), digitsAt(text, 5, 2), digitsAt(text, 8, 2)];
  const [hour, minute, second] = [digitsAt(text, 11, 2), digitsAt(text, 14, 2), digitsAt(text, 17, 2)];
  if (month < 1 || month > 12) wrongInstant(text, `has month ${month}`);
  if (day < 1 || day > lengthOfMonth(year, month)) wrongInstant(text, `has day ${day} in a month of ${lengthOfMonth(year, month)} days`);
  if (hour > 23) wrongInstant(text, `has hour ${hour}`);
  if (minute > 59) wrongInstant(text, `has minute ${minute}`);
  if (second > 59) wrongInstant(text, `has second ${second}`);
  const zulu = text.endsWith('Z') || text.endsWith('z');
  const end = zulu ? text.length - 1 : text.length - 6;
  const offset = zulu ? 0 : offsetAt(text, end);
  const decimals = Math.min(6, end - 20);
  const micros = decimals > 0 ? digitsAt(text, 20, decimals) * 10 ** (6 - decimals) : 0;
  const instant = daysSinceEpoch(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND + micros - offset;
  return Number.isSafeInteger(instant) ? instant : wrongInstant(text, 'is outside of the years 1685 to 2254');
}

function offsetAt(text: string, at: number): number {
  const [hours, minutes] = [digitsAt(text, at + 1, 2), digitsAt(text, at + 4, 2)];
  if (hours > 23 || minutes > 59) wrongInstant(text, `has offset ${text.slice(at)}`);
  return (hours * HOUR + minutes * MINUTE) * (text[at] === '-' ? -1 : 1);
}

/** The number that `length` digits write, which are known to be some. */
function digitsAt(text: string, at: number, length: number): number {
  let value = 0;
  for (let index = at; index < at + length; index += 1) value = value * 10 + text.charCodeAt(index) - 48;
  return value;
}

const wrongInstant = (text: string, why: string): never => {
  throw new RangeError(`Instant ${JSON.stringify(text)} ${why}. Write RFC 3339, such as "2001-03-04T05:06:07Z".`);
};

/** Reads `2001-03-04` as its first instant in UTC. */
export function parseDay(text: string): Instant {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) throw new RangeError(`Day ${JSON.stringify(text)} cannot be read. Write it as "2001-03-04".`);
  return parseInstant(`${text}T00:00:00Z`);
}

/** RFC 3339 in UTC, with as many decimals (0, 3 or 6) as the instant needs: `2001-03-04T05:06:07Z`. */
export function formatInstant(instant: Instant): string {
  if (!Number.isSafeInteger(instant)) throw new RangeError(`An instant is a whole number of microseconds; got ${instant}.`);
  const { year, month, day, hour, minute, second, microsecond } = civilOf(instant);
  const two = (value: number): string => (value < 10 ? `0${value}` : `${value}`);
  const decimals = microsecond === 0 ? '' : `.${String(microsecond).padStart(6, '0').slice(0, microsecond % MILLISECOND === 0 ? 3 : 6)}`;
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${decimals}Z`;
}
