import { approve, evolve, promote, register, reject, withVersion, type Model, type Version } from './model';
import type { ModelSpec } from './model-spec';
import { problemsOf } from './model-resource';
import type { Report } from './gates';

const noon = 43_200_000_000;
const report = (comparedWith = ''): Report => ({ challenger: { logLoss: 0.4 }, champion: comparedWith ? { logLoss: 0.41 } : {}, championDigest: comparedWith, baseRate: { logLoss: 0.45 }, holdout: { rows: 400 }, fit: { rows: 1600 } });
const beatsBaseRate = { name: 'beats the base rate', rule: 'challenger.logLoss < baseRate.logLoss' };

const aModel = (spec: Partial<ModelSpec> = {}): Model =>
  ({ name: 'late', spec: { owner: 'team', purpose: 'tell', riskTier: 'limited', approval: 'required', gates: [beatsBaseRate], ...spec }, champion: 0, revision: 0, versions: [] });
const registered = (model: Model, digest: string, comparedWith = '', author = 'ann'): Model =>
  withVersion(model, register(model, { digest, run: `run-${digest}`, author, featureSet: 'set', featureSetVersion: 1, fitUntil: 0 }, report(comparedWith), noon));
const approved = (model: Model, version: number, by = 'rita'): Model => withVersion(model, approve(model, { version, digest: model.versions[version - 1].digest, by, reason: 'fine' }));
const promoted = (model: Model, version: number): Model => evolve(model, promote(model, { version, by: 'rita', expectedRevision: 0 }, noon));
const states = (model: Model): Version['state'][] => model.versions.map(({ state }) => state);
const failure = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe('registering a version', () => {
  it('gives it the next number and judges its gates', () => {
    const model = registered(registered(aModel(), 'a'), 'b');
    expect(model.versions.map(({ version, digest }) => [version, digest])).toEqual([[1, 'a'], [2, 'b']]);
    expect(model.versions[0].gates.map(({ gate, passed }) => [gate, passed])).toEqual([['compared with the present champion', true], ['beats the base rate', true]]);
  });

  it('waits for an approval when the model asks for one, and not otherwise', () => {
    expect(states(registered(aModel(), 'a'))).toEqual(['awaiting_approval']);
    expect(states(registered(aModel({ approval: 'none' }), 'a'))).toEqual(['registered']);
  });

  it('stops at a gate that is not met', () => expect(states(registered(aModel({ gates: [{ name: 'more rows', rule: 'holdout.rows > 1000' }] }), 'a'))).toEqual(['gates_unmet']));
});

describe('approving a version', () => {
  it('is not for its author, whatever the roles', () => {
    const model = registered(aModel(), 'a', '', 'ann');
    expect(failure(() => approve(model, { version: 1, digest: 'a', by: 'ann', reason: '' }))).toMatchObject({ code: 'forbidden', message: expect.stringContaining('ann is the author of version late/1') });
  });

  it('is bound to the artifact that was looked at', () => {
    expect(failure(() => approve(registered(aModel(), 'a'), { version: 1, digest: 'b', by: 'rita', reason: '' }))).toMatchObject({ code: 'conflict', details: { reason: 'DIGEST_MISMATCH', expected: 'a', got: 'b' } });
  });

  it('happens once', () => {
    const model = promoted(approved(registered(aModel(), 'a'), 1), 1);
    expect(failure(() => approved(model, 1))).toMatchObject({ code: 'conflict', details: { reason: 'DECIDED' } });
  });

  it('cannot lift an unmet gate', () => {
    const model = registered(aModel({ gates: [{ name: 'more rows', rule: 'holdout.rows > 1000' }] }), 'a');
    expect(failure(() => approved(model, 1))).toMatchObject({ code: 'gate_not_met', details: { problems: [{ field: 'more rows', got: 'holdout.rows = 400' }] } });
  });
});

describe('rejecting a version', () => {
  it('records who and why, and closes it', () => {
    const model = registered(aModel(), 'a');
    const rejected = withVersion(model, reject(model, { version: 1, digest: 'a', by: 'rita', reason: 'unfair to Denver' }));
    expect(rejected.versions[0]).toMatchObject({ state: 'rejected', rejectedBy: 'rita', reason: 'unfair to Denver' });
    expect(failure(() => approved(rejected, 1))).toMatchObject({ code: 'conflict' });
    expect(failure(() => promote(rejected, { version: 1, by: 'oper', expectedRevision: 0 }, noon))).toMatchObject({ code: 'gate_not_met', message: expect.stringContaining('unfair to Denver') });
  });

  it('is not for its author either', () => {
    const model = registered(aModel(), 'a', '', 'ann');
    expect(failure(() => reject(model, { version: 1, digest: 'a', by: 'ann', reason: '' }))).toMatchObject({ code: 'forbidden' });
  });
});

describe('promoting a version', () => {
  it('says what becomes champion and what it replaces', () => {
    const first = promoted(approved(registered(aModel(), 'a'), 1), 1);
    const second = approved(registered(first, 'b', 'a'), 2);
    expect(promote(second, { version: 2, by: 'rita', expectedRevision: 1 }, noon)).toMatchObject({ model: 'late', version: 2, digest: 'b', replaces: 1, replacesDigest: 'a', revision: 2, by: 'rita', promotedAt: noon });
  });

  it('waits for an approval when the model asks for one', () => {
    expect(failure(() => promote(registered(aModel(), 'a'), { version: 1, by: 'oper', expectedRevision: 0 }, noon))).toMatchObject({ code: 'gate_not_met', details: { problems: [{ field: 'approval', expected: 'an approval', got: 'none' }] } });
  });

  it('lists every unmet gate with the values that it read', () => {
    const gates = [{ name: 'more rows', rule: 'holdout.rows > 1000' }, beatsBaseRate, { name: 'sharp', rule: 'challenger.logLoss < 0.3' }];
    const error = failure(() => promote(registered(aModel({ gates }), 'a'), { version: 1, by: 'oper', expectedRevision: 0 }, noon));
    expect(error).toMatchObject({ code: 'gate_not_met', details: { problems: [{ field: 'more rows', got: 'holdout.rows = 400' }, { field: 'sharp', got: 'challenger.logLoss = 0.4' }, { field: 'approval' }] } });
  });

  it('loses the race when the alias has moved since the caller looked', () => {
    const model = approved(registered(promoted(approved(registered(aModel(), 'a'), 1), 1), 'b', 'a'), 2);
    expect(failure(() => promote(model, { version: 2, by: 'oper', expectedRevision: 7 }, noon))).toMatchObject({ code: 'conflict', details: { reason: 'RACE_LOST', expected: '7', got: '1' } });
  });

  it('refuses the champion itself and a version that does not exist', () => {
    const model = promoted(approved(registered(aModel(), 'a'), 1), 1);
    expect(failure(() => promoted(model, 1))).toMatchObject({ code: 'conflict' });
    expect(failure(() => promoted(model, 2))).toMatchObject({ code: 'not_found', message: expect.stringContaining('no version 2') });
  });

  it('goes back to a former champion without a new comparison', () => {
    const second = promoted(approved(registered(promoted(approved(registered(aModel(), 'a'), 1), 1), 'b', 'a'), 2), 2);
    expect(states(second)).toEqual(['retired', 'champion']);
    expect(states(promoted(second, 1))).toEqual(['champion', 'retired']);
  });

  it('goes back to a former champion also when approvals are asked for only since', () => {
    const free = aModel({ approval: 'none' });
    const second = promoted(registered(promoted(registered(free, 'a'), 1), 'b', 'a'), 2);
    expect(states(promoted({ ...second, spec: aModel().spec }, 1))).toEqual(['champion', 'retired']);
  });

  it('leaves a version that waits unmet when it compared with the former champion', () => {
    const first = promoted(approved(registered(aModel(), 'a'), 1), 1);
    const two = registered(registered(first, 'b', 'a'), 'c', 'a');
    const after = promoted(approved(two, 2), 2);
    expect(states(after)).toEqual(['retired', 'champion', 'gates_unmet']);
    expect(failure(() => approved(after, 3))).toMatchObject({ code: 'gate_not_met', details: { problems: [{ field: 'compared with the present champion', got: 'reported = a, present = b' }] } });
    expect(states(approved(promoted(after, 1), 3))).toEqual(['champion', 'retired', 'registered']);
  });
});

describe('a specification', () => {
  const spec = aModel().spec;
  it('of a high risk asks for an approval', () => expect(problemsOf({ ...spec, riskTier: 'high', approval: 'none' })).toMatchObject([{ path: '/spec/approval', expected: 'required', got: 'none' }]));
  it('is told all bad rules at once, each with its place', () => {
    const problems = problemsOf({ ...spec, gates: [{ name: 'a', rule: 'challenger.logLoss <' }, { name: 'a', rule: 'champion.accuracy > 0.5' }, { name: 'c', rule: '1 + 1' }] });
    expect(problems.map(({ path }) => path)).toEqual(['/spec/gates/0/rule', '/spec/gates/1/name', '/spec/gates/1/rule', '/spec/gates/2/rule']);
    expect(problems.every(({ path, offset }) => path.endsWith('name') || offset !== undefined)).toBe(true);
  });
});
