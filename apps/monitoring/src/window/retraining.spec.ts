import { decideRetraining, type Situation } from './retraining';

const day = 86_400_000_000;
const policy = { when: 'alarms > 0', cooldown: '14d', minLabels: 200 };
const situation = (over: Partial<Situation> = {}): Situation => ({ alarms: 1, labels: 812, now: 100 * day, planned: true, ...over });

describe('a retraining', () => {
  it('is requested when the policy holds', () => expect(decideRetraining(policy, situation())).toEqual({ action: 'requested', why: 'alarms > 0 holds with 1 alarm and 812 new mature labels' }));

  it('may be requested for new labels alone', () => expect(decideRetraining({ ...policy, when: 'labels >= 800' }, situation({ alarms: 0 })).action).toBe('requested'));

  it.each<[string, Partial<Situation>, string]>([
    ['too few labels are new', { labels: 199 }, '199 labels are new since the last training; the policy asks for 200'],
    ['one is under way', { last: { requestedAt: 90 * day, ended: false } }, 'is still under way; the cooldown of 14d lasts until 1970-04-15T00:00:00Z'],
    ['the cooldown lasts', { last: { requestedAt: 90 * day, ended: true } }, 'is over, and the cooldown of 14d lasts until'],
    ['no plan could follow it', { planned: false }, 'no training plan trains the model'],
  ])('is declined with the reason when %s', (_, over, why) => {
    expect(decideRetraining(policy, situation(over))).toMatchObject({ action: 'declined', why: expect.stringContaining(why) });
  });

  it('is declined when the policy does not hold in spite of the alarm', () =>
    expect(decideRetraining({ ...policy, when: 'alarms > 1' }, situation())).toMatchObject({ action: 'declined', why: 'alarms > 1 does not hold with 1 alarm and 812 new mature labels' }));

  it('is declined without a policy', () => expect(decideRetraining(undefined, situation())).toMatchObject({ action: 'declined', why: 'the monitor has no retraining policy' }));

  it('is requested again when the cooldown is over', () => expect(decideRetraining(policy, situation({ last: { requestedAt: 86 * day, ended: false } })).action).toBe('requested'));

  it('says also of a window without an alarm why it led to none', () => {
    expect(decideRetraining(policy, situation({ alarms: 0 }))).toEqual({ action: 'none', why: 'no alarm, and alarms > 0 does not hold with 0 alarms and 812 new mature labels' });
    expect(decideRetraining({ ...policy, when: 'labels >= 800' }, situation({ alarms: 0, last: { requestedAt: 90 * day, ended: true } })).why).toContain('no alarm, and the retraining requested 1970-04-01T00:00:00Z is over, and the cooldown');
    expect(decideRetraining(undefined, situation({ alarms: 0 })).why).toBe('no alarm, and the monitor has no retraining policy');
  });
});
