import { fromTimeHeader, toTimeHeader } from './instant-header';

describe('an instant in ce_time', () => {
  it.each([
    [0, '1970-01-01T00:00:00.000000Z'],
    [978_307_200_000_001, '2001-01-01T00:00:00.000001Z'],
    [-1, '1969-12-31T23:59:59.999999Z'],
  ])('%d is written and read as %s', (instant, text) => {
    expect(toTimeHeader(instant)).toBe(text);
    expect(fromTimeHeader(text)).toBe(instant);
  });

  it('is read with fewer decimals too, and only in UTC', () => {
    expect(fromTimeHeader('2001-01-01T00:00:00Z')).toBe(978_307_200_000_000);
    expect(fromTimeHeader('2001-01-01T00:00:00.5Z')).toBe(978_307_200_500_000);
    for (const text of ['', 'yesterday', '2001-01-01T00:00:00+01:00', '2001-13-01T00:00:00Z']) expect(fromTimeHeader(text)).toBeUndefined();
  });
});
