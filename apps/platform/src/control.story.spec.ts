import { control, heldTo, sumOf } from '../spec/control';

describe('the control of the story, in which nothing changes over time', () => {
  it('alarms no more often than the budget says, and what an alarm promotes hurts no more often than chance finds it, over two seeds', async () => {
    const controls = [await control(1), await control(2)];
    expect(sumOf(controls, 'windows')).toBeGreaterThan(20);
    const held = heldTo(controls);
    expect({ controls, held }).toMatchObject({ held: { alarms: { within: true }, hurtAfterAlarm: { within: true } } });
  }, 600_000);
});
