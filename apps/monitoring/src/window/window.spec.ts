import { parseInstant } from '@rhei/expressions';
import { monitorSpec } from '../monitor/monitor-spec';
import { closesAt, firstWindow, windowFrom } from './window';

const spec = monitorSpec.parse({ deployment: 'departures', watch: ['outcome'] });
const at = parseInstant;

describe('windows', () => {
  it('begin at the first whole day that began with a live version', () => {
    expect(firstWindow(spec, at('2001-02-26T02:00:00Z'))).toEqual({ from: at('2001-02-27T00:00:00Z'), to: at('2001-03-06T00:00:00Z') });
    expect(firstWindow(spec, at('2001-02-26T00:00:00Z')).from).toBe(at('2001-02-26T00:00:00Z'));
  });

  it('follow each other without a gap', () => {
    const first = firstWindow(spec, at('2001-02-26T02:00:00Z'));
    expect(windowFrom(spec, first.to)).toEqual({ from: at('2001-03-06T00:00:00Z'), to: at('2001-03-13T00:00:00Z') });
  });

  it('close when the labels of their last day are mature', () => {
    expect(closesAt({ from: 0, to: at('2001-03-06T00:00:00Z') }, 2 * 86_400_000_000)).toBe(at('2001-03-08T00:00:00Z'));
  });

  it('take other buckets than days where the monitor says so', () => {
    const quick = monitorSpec.parse({ deployment: 'd', watch: ['outcome'], bucket: '1s', cycle: 3, reference: 2 });
    expect(firstWindow(quick, 1_500_000)).toEqual({ from: 2_000_000, to: 5_000_000 });
  });
});

describe('a specification', () => {
  it('has defaults that keep the false alarms of a year below one', () =>
    expect(spec).toEqual({
      deployment: 'departures', watch: ['outcome'], against: 'fixed', slices: [], slicing: { top: 5, rows: 100 }, bucket: '1d', cycle: 7, reference: 6, budget: 0.01,
      floor: 0.03, floors: { missing: 0.02, volume: 0.2, loss: 0.02 }, helped: { after: '14d', rows: 200, rollback: 'onHurt' },
    }));
  it.each([
    [{ watch: ['feature.origin_late'] }, 'request.<field>'], [{ bucket: '0s' }, 'more than no time'], [{ bucket: 'a week' }, 'duration'], [{ budget: 0 }, '>0'], [{ against: 'last' }, 'moving'], [{ slices: ['distance'] }, 'request.<field>'], [{ floors: { volume: -1 } }, '>=0'], [{ helped: { after: '0s' } }, 'more than no time'],
    [{ retrain: { when: 'alarms > 0', cost: { run: -1, unit: 'EUR' } } }, '>=0'], [{ color: 1 }, 'color'],
  ])('refuses %p', (wrong, says) => {
    const { error } = monitorSpec.safeParse({ deployment: 'd', watch: ['outcome'], ...wrong });
    expect(JSON.stringify(error?.issues)).toContain(says);
  });
});
