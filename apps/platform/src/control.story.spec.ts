import { binomialRange } from '@rhei/statistics';
import { control, sumOf } from '../spec/control';

describe('the control of the story, in which nothing changes over time', () => {
  it('alarms no more often than the budget says, over two seeds', async () => {
    const controls = [await control(1), await control(2)];
    const windows = sumOf(controls, 'windows');
    expect(windows).toBeGreaterThan(20);
    const [least, most] = binomialRange(windows, controls[0].budget);
    expect(sumOf(controls, 'alarms')).toBeGreaterThanOrEqual(least);
    expect({ controls, within: sumOf(controls, 'alarms') <= most }).toEqual({ controls, within: true });
  }, 600_000);
});
