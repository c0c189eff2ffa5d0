import fc from 'fast-check';
import { civilOf, DAY, formatDuration, formatInstant, HOUR, MINUTE, parseDay, parseDuration, parseInstant, SECOND } from './time';

describe('a duration', () => {
  it.each([
    ['14d', 14 * DAY], ['6h', 6 * HOUR], ['90m', 90 * MINUTE], ['15s', 15 * SECOND], ['500ms', 500_000], ['20us', 20], ['0s', 0],
    ['1h30m', 90 * MINUTE], ['1.5h', 90 * MINUTE], ['1.1h', 66 * MINUTE], ['0.3s', 300_000],
  ])('%s is read', (text, micros) => expect(parseDuration(text)).toBe(micros));

  it.each(['', '14', 'd', '14 d', ' 14d', '14d ', '-1h', '1m1h', '1h1h', '0.1us', '1w', '1e3s', '999999999d'])('%j is refused with an example', (text) => {
    expect(() => parseDuration(text)).toThrow(/Write a number and a unit/);
  });

  it('is written in its largest whole unit', () => {
    expect([0, 90 * MINUTE, 14 * DAY, 1_500_000, 7, -HOUR].map(formatDuration)).toEqual(['0s', '90m', '14d', '1500ms', '7us', '-1h']);
    expect(() => formatDuration(0.5)).toThrow(/whole number of microseconds/);
  });

  it('comes back from its notation', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (micros) => parseDuration(formatDuration(micros)) === micros), { seed: 1 });
  });
});

describe('an instant', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0], ['2001-03-04T05:06:07Z', 983_682_367_000_000], ['2001-03-04t05:06:07.5z', 983_682_367_500_000],
    ['2001-03-04T05:06:07.123456789Z', 983_682_367_123_456], ['2001-03-04T07:06:07+02:00', 983_682_367_000_000],
    ['1969-12-31T23:59:59.999999Z', -1], ['2000-02-29T00:00:00-00:30', 951_784_200_000_000],
  ])('%s is read', (text, micros) => expect(parseInstant(text)).toBe(micros));

  it.each([
    ['2001-02-30T00:00:00Z', 'day 30 in a month of 28 days'], ['1900-02-29T00:00:00Z', 'day 29'], ['2001-04-31T00:00:00Z', 'day 31'],
    ['2001-13-01T00:00:00Z', 'month 13'], ['2001-00-01T00:00:00Z', 'month 0'], ['2001-01-00T00:00:00Z', 'day 0'], ['2001-01-01T24:00:00Z', 'hour 24'],
    ['2001-01-01T00:60:00Z', 'minute 60'], ['2001-01-01T00:00:60Z', 'second 60'], ['2001-01-01T00:00:00', 'no offset'],
    ['2001-01-01T00:00:00+25:00', 'offset +25:00'], ['2001-01-01', 'cannot be read'], ['2001-01-01 00:00:00Z', 'cannot be read'], ['9999-01-01T00:00:00Z', 'outside'],
  ])('%s is refused: %s', (text, why) => expect(() => parseInstant(text)).toThrow(why));

  it('is written in UTC with the decimals that it needs', () => {
    expect([983_682_367_000_000, 983_682_367_500_000, 983_682_367_000_001, -1].map(formatInstant))
      .toEqual(['2001-03-04T05:06:07Z', '2001-03-04T05:06:07.500Z', '2001-03-04T05:06:07.000001Z', '1969-12-31T23:59:59.999999Z']);
    expect(() => formatInstant(Number.NaN)).toThrow(/whole number/);
  });

  it('comes back from its notation, and agrees with the calendar of the engine', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (micros) => {
      expect(parseInstant(formatInstant(micros))).toBe(micros);
      const date = new Date(Math.floor(micros / 1000));
      const { year, month, day, hour, minute, second, weekday } = civilOf(micros);
      expect([year, month, day, hour, minute, second, weekday])
        .toEqual([date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCDay()]);
    }), { seed: 1, numRuns: 500 });
  });

  it('can be a day', () => {
    expect(formatInstant(parseDay('2001-07-01'))).toBe('2001-07-01T00:00:00Z');
    expect(civilOf(parseDay('2001-12-31')).dayOfYear).toBe(364);
    expect(() => parseDay('2001-02-29')).toThrow('day 29');
    expect(() => parseDay('2001-7-1')).toThrow('cannot be read');
  });
});
