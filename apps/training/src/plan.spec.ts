import { DAY, ExpressionError, HOUR, parseInstant } from '@rhei/expressions';
import { ageOf, compileWhen, judgeLook, nextLook, wholeDays, type Facts, type LastRun } from './plan';
import { planSpec, type PlanSpec } from './plan-spec';

const aSpec = (over: Partial<PlanSpec> = {}): PlanSpec =>
  planSpec.parse({ model: 'late', featureSet: 'lateness', split: { holdout: '14d' }, when: 'versions == 0 && labels >= 400 && days >= 42', ...over });
const now = parseInstant('2001-03-01T00:00:00Z');
const enough: Facts = { labels: 400, days: 42, versions: 0, age: 0 };
const aRun = (over: Partial<LastRun> = {}): LastRun => ({ id: 'r1', state: 'succeeded', endedAt: now - DAY, champion: false, ...over });

describe('a plan at its look', () => {
  it('starts a run when its condition holds and nothing stands against it', () => {
    expect(judgeLook(aSpec(), enough, undefined, now)).toEqual({ action: 'start-run' });
  });

  it('decides nothing while its condition does not hold', () => {
    expect(judgeLook(aSpec(), { ...enough, days: 41 }, aRun({ state: 'running', endedAt: undefined }), now)).toEqual({ action: 'nothing' });
    expect(judgeLook(aSpec(), { ...enough, versions: 1 }, undefined, now)).toEqual({ action: 'nothing' });
  });

  it.each(['waiting', 'running'] as const)('declines while a run is %s', (state) => {
    expect(judgeLook(aSpec(), enough, { id: 'r1', state, champion: false }, now)).toEqual({ action: 'decline', reason: 'run r1 is open' });
  });

  it.each([['failed', 'failed'], ['cancelled', 'was cancelled'], ['succeeded', 'brought a version that is not the champion']] as const)('waits out its cooldown after a run that %s', (state, why) => {
    const declined = judgeLook(aSpec(), enough, aRun({ state }), now);
    expect(declined).toEqual({ action: 'decline', reason: `run r1 ${why}; its cooldown of 7d is not over` });
    expect(judgeLook(aSpec(), enough, aRun({ state, endedAt: now - 7 * DAY }), now)).toEqual({ action: 'start-run' });
  });

  it('waits for nothing after a run whose version was promoted', () => {
    expect(judgeLook(aSpec({ when: 'labels >= 400' }), enough, aRun({ champion: true }), now)).toEqual({ action: 'start-run' });
  });

  it('declines with the reason when its condition has no value', () => {
    expect(judgeLook(aSpec({ when: 'labels / versions > 3' }), enough, undefined, now)).toMatchObject({ action: 'decline', reason: expect.stringContaining('labels / versions') });
  });
});

describe('the grid of looks', () => {
  it('goes on at the next multiple, also from a point of the grid', () => {
    expect(nextLook(aSpec(), now)).toBe(now + DAY);
    expect(nextLook(aSpec(), now + 1)).toBe(now + DAY);
    expect(nextLook(aSpec({ look: '6h' }), now + HOUR)).toBe(now + 6 * HOUR);
  });
});

describe('whole days', () => {
  const first = parseInstant('2001-01-01T00:25:00Z');
  const days = (at: string): number => wholeDays(first, 14 * DAY, 2 * DAY, parseInstant(at));

  it('begin with the first midnight after the windows have filled and end with the newest mature label', () => {
    // 16 January is the first whole day: the windows fill on the 15th at 00:25.
    expect(days('2001-01-19T00:00:00Z')).toBe(1);
    expect(days('2001-01-19T23:59:59Z')).toBe(1);
    expect(days('2001-03-01T00:00:00Z')).toBe(42);
  });

  it('are none before that, and none without an example', () => {
    expect(days('2001-01-10T00:00:00Z')).toBe(0);
    expect(wholeDays(undefined, 14 * DAY, 2 * DAY, now)).toBe(0);
  });
});

describe('the condition', () => {
  it('trains again when what the champion learned from is old', () => {
    const spec = aSpec({ when: 'versions > 0 && age >= 30' });
    expect(ageOf(undefined, now)).toBe(0);
    expect(ageOf({ fitUntil: now - 30 * DAY + 1 }, now)).toBe(29);
    expect(judgeLook(spec, { ...enough, versions: 1, age: 29 }, undefined, now)).toEqual({ action: 'nothing' });
    expect(judgeLook(spec, { ...enough, versions: 1, age: 30 }, undefined, now)).toEqual({ action: 'start-run' });
  });

  it('reads labels, days, versions and age, and nothing else', () => {
    expect(compileWhen('labels > 10 && days > 1 && versions < 2 && age < 9').references).toEqual(['labels', 'days', 'versions', 'age']);
    expect(() => compileWhen('rows > 10')).toThrow(ExpressionError);
    expect(() => compileWhen('labels + days')).toThrow(/bool/);
  });
});
