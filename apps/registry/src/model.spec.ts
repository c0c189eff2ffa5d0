import { approve, deprecate, evolve, promote, register, reject, restore, rollBack, withVersion, type Model, type Version } from './model';
import type { ModelSpec } from './model-spec';
import { problemsOf } from './model-resource';
import type { Report } from './report';

const noon = 43_200_000_000;
const report = (comparedWith = ''): Report => ({ challenger: { logLoss: 0.4 }, champion: comparedWith ? { logLoss: 0.41 } : {}, championDigest: comparedWith, linear: {}, difference: {}, baseRate: { logLoss: 0.45 }, holdout: { rows: 400 }, fit: { rows: 1600 } });
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
    expect(failure(() => approved(model, 1))).toMatchObject({ code: 'conflict', details: { reason: 'DECIDED', field: 'version', expected: 'a version that waits for an approval', got: 'one that is champion', hint: expect.stringContaining('rhei models') } });
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
    expect(failure(() => promoted(model, 2))).toMatchObject({ code: 'not_found', message: expect.stringContaining('no version 2'), details: { field: 'version', expected: '1', got: '2', hint: 'rhei models versions late lists them' } });
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

describe('rolling back', () => {
  const two = (): Model => promoted(approved(registered(promoted(approved(registered(aModel(), 'a'), 1), 1), 'b', 'a'), 2), 2);
  const bad = { version: 2, live: 1, promotion: 2, by: 'guard', reason: 'errors 0.2 > 0.1', at: noon };
  const after = (model: Model, over: Partial<typeof bad> = {}): Model => rollBack(model, { ...bad, ...over }, noon)?.model ?? model;

  it('lets the alias follow to the version that answers, with the reason', () => {
    const { model, moved } = rollBack(two(), bad, noon)!;
    expect(moved).toMatchObject({ model: 'late', version: 1, digest: 'a', replaces: 2, replacesDigest: 'b', revision: 3, by: 'guard', kind: 'rollback', reason: 'errors 0.2 > 0.1', promotedAt: noon });
    expect([model.champion, model.revision, states(model)]).toEqual([1, 3, ['champion', 'rolled_back']]);
    expect(model.versions[1].brought).toEqual({ by: 'guard', reason: 'errors 0.2 > 0.1', at: noon, from: 'champion' });
  });

  it('leaves the alias where somebody has moved it since', () => {
    const moved = promoted(approved(registered(two(), 'c', 'b'), 3), 3);
    expect(rollBack(moved, bad, noon)).toMatchObject({ model: { champion: 3, revision: 3 } });
    expect(rollBack(moved, bad, noon)!.moved).toBeUndefined();
    expect(states(after(moved))).toEqual(['retired', 'rolled_back', 'champion']);
    const again = promoted(promoted(two(), 1), 2);
    expect(rollBack(again, bad, noon)).toBeUndefined();
  });

  it('happens once, and never without a version that answers instead', () => {
    expect(rollBack(after(two()), bad, noon)).toBeUndefined();
    expect(rollBack(two(), { ...bad, live: 0 }, noon)).toBeUndefined();
    expect(failure(() => rollBack(two(), { ...bad, live: 7 }, noon))).toMatchObject({ code: 'not_found' });
  });

  it('does not come back by being trained again: the same file is the same model', () => {
    const again = registered(after(two()), 'b', 'a');
    expect(states(again)).toEqual(['champion', 'rolled_back', 'gates_unmet']);
    expect(again.versions[2].gates.at(-1)).toMatchObject({ gate: 'not rolled back before', passed: false, inputs: { version: 2 }, reason: expect.stringContaining('the artifact of version late/2, which guard rolled back') });
    const retired = withVersion(after(two()), deprecate(after(two()), { version: 2, by: 'ann', reason: 'no' }, noon));
    expect(states(registered(retired, 'b', 'a'))[2]).toBe('gates_unmet');
    expect(states(registered(after(two()), 'c', 'a'))[2]).toBe('awaiting_approval');
  });

  it('leaves a version that waits unmet when it compared with the one that is gone', () => {
    const waiting = registered(two(), 'c', 'b');
    expect(states(after(waiting))).toEqual(['champion', 'rolled_back', 'gates_unmet']);
  });

  it('keeps the version from coming back unless a person says so, with a reason', () => {
    const model = after(two());
    const again = { version: 2, by: 'oper', expectedRevision: 0 };
    expect(failure(() => promote(model, again, noon))).toMatchObject({ code: 'gate_not_met', details: { problems: [{ field: 'rolled back', message: expect.stringContaining('errors 0.2 > 0.1') }] } });
    expect(failure(() => promote(model, { ...again, despiteRollback: true }, noon))).toMatchObject({ code: 'invalid', details: { field: 'reason' } });
    expect(failure(() => approve(model, { version: 2, digest: 'b', by: 'rita', reason: '' }))).toMatchObject({ code: 'conflict', message: expect.stringContaining('is rolled back by guard') });
    const told = promote(model, { ...again, despiteRollback: true, reason: 'the guard was wrong' }, noon);
    expect(told).toMatchObject({ version: 2, kind: 'promotion', reason: 'the guard was wrong' });
    expect(evolve(model, told).versions[1]).toMatchObject({ state: 'champion', brought: { by: '', from: '' } });
  });

  it('still asks for the comparison with the champion of now', () => {
    const third = promoted(approved(registered(after(two()), 'c', 'a'), 3), 3);
    expect(failure(() => promote(third, { version: 2, by: 'oper', expectedRevision: 0, despiteRollback: true, reason: 'x' }, noon))).toMatchObject({ code: 'gate_not_met', details: { problems: [{ field: 'compared with the present champion' }] } });
  });
});

describe('deprecating a version', () => {
  const said = { version: 1, by: 'oper', reason: 'it reads a field that ends' };
  const deprecated = (model: Model, version: number): Model => withVersion(model, deprecate(model, { ...said, version }, noon));
  const two = (): Model => promoted(approved(registered(promoted(approved(registered(aModel(), 'a'), 1), 1), 'b', 'a'), 2), 2);

  it('takes it out of use: nobody promotes, approves or rejects it', () => {
    const model = deprecated(two(), 1);
    expect(model.versions[0]).toMatchObject({ state: 'deprecated', brought: { by: 'oper', reason: said.reason, at: noon, from: 'retired' } });
    expect(failure(() => promoted(model, 1))).toMatchObject({ code: 'gate_not_met', details: { problems: [{ field: 'deprecated' }] } });
    const waiting = deprecated(registered(aModel(), 'a'), 1);
    expect(failure(() => approved(waiting, 1))).toMatchObject({ code: 'conflict', message: expect.stringContaining('it reads a field that ends') });
    expect(failure(() => reject(waiting, { version: 1, digest: 'a', by: 'rita', reason: '' }))).toMatchObject({ code: 'conflict' });
  });

  it('is refused for the champion, twice, without a reason, and for a version that does not exist', () => {
    expect(failure(() => deprecated(two(), 2))).toMatchObject({ code: 'conflict', details: { reason: 'CHAMPION', hint: 'promote another version first' } });
    expect(failure(() => deprecated(deprecated(two(), 1), 1))).toMatchObject({ code: 'conflict' });
    expect(failure(() => deprecate(two(), { ...said, reason: ' ' }, noon))).toMatchObject({ code: 'invalid', details: { field: 'reason' } });
    expect(failure(() => deprecated(two(), 9))).toMatchObject({ code: 'not_found' });
  });

  it('can be taken back: the version is what it was, or unmet when the champion has changed', () => {
    const back = (model: Model, version: number): Version => restore(model, { version, by: 'oper', reason: 'it goes on' });
    expect(back(deprecated(two(), 1), 1)).toMatchObject({ state: 'retired', brought: { by: '', from: '' } });
    const waiting = deprecated(registered(two(), 'c', 'b'), 3);
    expect(back(waiting, 3).state).toBe('awaiting_approval');
    expect(back(promoted(waiting, 1), 3)).toMatchObject({ state: 'gates_unmet', gates: [{ passed: false }, { passed: true }] });
    const rolledBack = rollBack(two(), { version: 2, live: 1, promotion: 2, by: 'guard', reason: 'errors', at: noon }, noon)!.model;
    expect(back(deprecated(rolledBack, 2), 2)).toMatchObject({ state: 'rolled_back', brought: { by: 'guard', reason: 'errors', from: 'champion' } });
    expect(failure(() => back(two(), 1))).toMatchObject({ code: 'conflict', details: { reason: 'NOT_DEPRECATED', got: 'retired' } });
    expect(failure(() => restore(deprecated(two(), 1), { version: 1, by: 'oper', reason: '' }))).toMatchObject({ code: 'invalid' });
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
