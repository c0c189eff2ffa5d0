import { DAY, HOUR } from '@rhei/expressions';
import { aChampion, aDeployment, aPlan, aVersion } from '../../spec/builders';
import type { Stage } from '../deployment/deployment-spec';
import { enter, isUnderWay, nextLook, promoted, redeclared, versionsOf, wentBack, withoutExpired, withoutWhatIsOver, type Draft, type Plan } from './plan';

const stages: Stage[] = [{ stage: 'shadow', for: '1d', guard: 'errors == 0' }, { stage: 'canary', for: '2d', share: 0.1 }, { stage: 'live', for: '7d', guard: 'psi < 0.2' }];
const now = 100 * DAY;
const planned = (draft: Draft | undefined, revision = 2_000): Plan => ({ ...draft!, revision });
const trying = (over: Partial<Plan> = {}): Plan => planned(promoted(aPlan(over), aDeployment({ rollout: stages }), aChampion(2), now));

describe('what a promotion means for a deployment', () => {
  it('is live at once where nothing was, or where no rollout is declared; the replaced version is kept for a while', () => {
    expect(promoted(undefined, aDeployment({ rollout: stages }), aChampion(1), now)).toMatchObject({ stage: 'live', live: aVersion(1), before: null, candidate: null, kept: [], promotion: 1 });
    expect(promoted(aPlan(), aDeployment(), aChampion(2), now)).toMatchObject({ stage: 'live', live: aVersion(2), liveSince: now, before: aVersion(1), kept: [{ version: 1, until: now + 14 * DAY }] });
    expect(promoted(aPlan(), aDeployment({ keep: '0s' }), aChampion(2), now)).toMatchObject({ before: aVersion(1), kept: [] });
  });

  it('goes through the stages as declared', () => {
    const shadow = trying();
    expect(shadow).toMatchObject({ stage: 'shadow', live: aVersion(1), candidate: aVersion(2), share: 0, stageSince: now });
    const canary = planned(enter(shadow, 1, 14 * DAY, now + DAY), 2_001);
    expect(canary).toMatchObject({ stage: 'canary', live: aVersion(1), candidate: aVersion(2), share: 0.1, stageSince: now + DAY, rolloutSince: now });
    const live = planned(enter(canary, 2, 14 * DAY, now + 3 * DAY), 2_002);
    // Kept while it is watched, and for as long again as declared.
    expect(live).toMatchObject({ stage: 'live', live: aVersion(2), before: aVersion(1), candidate: null, share: 0, kept: [{ version: 1, until: now + 24 * DAY }] });
    expect([shadow, canary, live].map(isUnderWay)).toEqual([true, true, true]);
    expect(isUnderWay(enter(planned(enter(shadow, 1, 0, now)), 3, 0, now))).toBe(false);
  });

  it('puts the new version in place of the one that is tried', () => {
    expect(promoted(trying(), aDeployment({ rollout: stages }), aChampion(3), now + HOUR)).toMatchObject({ stage: 'shadow', live: aVersion(1), candidate: aVersion(3), stageSince: now + HOUR, rolloutFrom: 0 });
  });

  it('is nothing for a version that answers already; what is tried beside it ends', () => {
    expect(promoted(aPlan(), aDeployment(), aChampion(1, { revision: 5 }), now)).toBeUndefined();
    expect(promoted(trying(), aDeployment({ rollout: stages }), aChampion(1, { revision: 5 }), now)).toMatchObject({ stage: 'live', live: aVersion(1), candidate: null, promotion: 5 });
  });

  it('is no rollout when the alias went back, and the bad version is nowhere to go back to', () => {
    const live = aPlan({ live: aVersion(2), before: aVersion(1), kept: [{ ...aVersion(1), until: now + DAY }] });
    expect(promoted(live, aDeployment({ rollout: stages }), aChampion(1, { revision: 3, kind: 'rollback' }), now, true)).toMatchObject({ stage: 'rolled_back', live: aVersion(1), before: null, kept: [] });
  });

  it('is a rollout, where one is declared, when the alias went back to a version that was never live here', () => {
    const [live, back] = [aPlan({ live: aVersion(2) }), aChampion(1, { revision: 3, kind: 'rollback' })];
    expect(promoted(live, aDeployment({ rollout: stages }), back, now)).toMatchObject({ stage: 'shadow', live: aVersion(2), candidate: aVersion(1), promotion: 3, reason: 'the alias went back to a version that was never live here' });
    expect(promoted(live, aDeployment(), back, now)).toMatchObject({ stage: 'rolled_back', live: aVersion(1), candidate: null, before: null });
  });
});

describe('going back', () => {
  const back = (plan: Plan, leaving: number, over: object = {}) => wentBack(plan, { leaving: aVersion(leaving), to: plan.before, beforeThat: null, reason: 'bad', ...over }, now);

  it('takes a candidate away and leaves what answers', () => {
    expect(back(trying(), 2)).toMatchObject({ stage: 'rolled_back', live: aVersion(1), candidate: null, rollout: [], reason: 'bad' });
  });

  it('lets the version before answer again, and knows the one before that', () => {
    const plan = aPlan({ live: aVersion(2), before: aVersion(1), kept: [{ ...aVersion(1), until: now + DAY }, { ...aVersion(7), until: now + DAY }] });
    expect(back(plan, 2, { beforeThat: aVersion(9) })).toMatchObject({ stage: 'rolled_back', live: aVersion(1), liveSince: now, before: aVersion(9), kept: [{ version: 7 }] });
    expect(back(plan, 2, { to: aVersion(9), beforeThat: aVersion(9) })).toMatchObject({ live: aVersion(9), before: null });
  });

  it('begins the rollout of a candidate again when the live version beside it goes', () => {
    const plan = trying({ live: aVersion(5), before: aVersion(4) });
    expect(back({ ...plan, step: 1, stage: 'canary' }, 5)).toMatchObject({ stage: 'shadow', live: aVersion(4), candidate: aVersion(2), step: 0, rolloutFrom: 0 });
  });

  it('is nothing for a version that is gone, and where none was before', () => {
    expect(back(trying(), 9)).toBeUndefined();
    expect(back(aPlan(), 1)).toBeUndefined();
  });
});

describe('a plan', () => {
  it('names each of its versions once', () => {
    const plan = aPlan({ live: aVersion(3), candidate: aVersion(4), kept: [{ ...aVersion(2), until: 1 }, { ...aVersion(1), until: 1 }], benchmark: aVersion(1) });
    expect(versionsOf(plan)).toEqual([3, 4, 2, 1].map(aVersion));
  });

  it('lets go of a version whose time in shadow is over', () => {
    const plan = aPlan({ kept: [{ ...aVersion(2), until: now }, { ...aVersion(1), until: now + 1 }] });
    expect(withoutExpired(plan, now - 1)).toBeUndefined();
    expect(withoutExpired(plan, now)?.kept).toEqual([{ ...aVersion(1), until: now + 1 }]);
  });

  it('begins again when its rollout is declared in another way, and ends where none is', () => {
    const canary = { ...trying(), step: 1, stage: 'canary' as const };
    expect(redeclared(canary, aDeployment({ rollout: stages, version: 2 }), null, now)).toBeUndefined();
    expect(redeclared(canary, aDeployment({ rollout: stages.slice(1), version: 2 }), null, now)).toMatchObject({ stage: 'canary', step: 0, rolloutFrom: 0, declared: 2 });
    expect(redeclared(canary, aDeployment({ version: 2 }), null, now)).toMatchObject({ stage: 'live', live: aVersion(2), candidate: null });
    const watched = planned(enter(canary, 2, 0, now));
    expect(redeclared(watched, aDeployment({ version: 2 }), null, now)).toMatchObject({ live: aVersion(2), rollout: [] });
    expect(redeclared(aPlan(), aDeployment({ version: 2, benchmark: 'first' }), aVersion(1), now)).toMatchObject({ benchmark: aVersion(1), stage: 'live' });
  });
});

describe('a watch over a new live version', () => {
  const watched = planned(enter(planned(enter(trying(), 1, 0, now)), 2, 0, now));
  const changed = aDeployment({ rollout: stages, version: 2, benchmark: 'first' });

  it('goes on when something else is declared in another way', () => {
    expect(isUnderWay(redeclared(withoutWhatIsOver(watched, true), changed, aVersion(1), now)!)).toBe(true);
  });

  it('does not begin again for that once it is over: what it would find has been decided', () => {
    const next = redeclared(withoutWhatIsOver(watched, false), changed, aVersion(1), now)!;
    expect(next).toMatchObject({ stage: 'live', benchmark: aVersion(1), live: aVersion(2), before: aVersion(1), kept: watched.kept });
    expect(isUnderWay(next)).toBe(false);
    expect(redeclared(withoutWhatIsOver(watched, false), aDeployment({ rollout: stages.slice(2), version: 2 }), null, now)).toBeUndefined();
  });
});

describe('the version that a new live one is watched against', () => {
  const canary = planned(enter(trying(), 1, 0, now));
  const watched = planned(enter(canary, 2, 0, now));

  it('scores beside for as long as the watch lasts, also when that is longer than was declared', () => {
    expect(watched.kept).toEqual([{ ...aVersion(1), until: now + 7 * DAY }]);
    expect(withoutExpired(watched, now + 30 * DAY)).toBeUndefined();
    expect(withoutExpired(withoutWhatIsOver(watched, false), now + 30 * DAY)).toMatchObject({ kept: [] });
  });

  it('scores beside for the whole of a stage that is declared longer meanwhile', () => {
    const longer = [...stages.slice(0, 2), { ...stages[2], for: '30d' }];
    expect(redeclared(watched, aDeployment({ rollout: longer, version: 2, keep: '2d' }), null, now + DAY)).toMatchObject({ kept: [{ version: 1, until: now + 32 * DAY }] });
    expect(redeclared(watched, aDeployment({ rollout: [{ ...stages[2], for: '1d' }], version: 2, keep: '2d' }), null, now + DAY)).toMatchObject({ kept: [{ version: 1, until: now + 7 * DAY }] });
  });
});

describe('the next look', () => {
  const at = (plan: Plan, time = now + 1, look = 6 * HOUR) => nextLook(plan, isUnderWay(plan), time, look);

  it('is on the grid while a guard is watched, and only at the end of a stage without one', () => {
    expect(at(trying())).toBe(now + 6 * HOUR);
    expect(at({ ...trying(), step: 1, stage: 'canary', stageSince: now + HOUR })).toBe(now + 2 * DAY + 6 * HOUR);
    expect(at({ ...trying(), step: 1, stage: 'canary' }, now + 3 * DAY)).toBe(now + 3 * DAY + 6 * HOUR);
  });

  it('is when a shadow ends where nothing else is under way, and never where nothing is', () => {
    expect(at(aPlan({ kept: [{ ...aVersion(1), until: now + 9 * DAY + 1 }, { ...aVersion(2), until: now + 10 * DAY }] }))).toBe(now + 9 * DAY + 6 * HOUR);
    expect(at(aPlan())).toBeUndefined();
  });
});
