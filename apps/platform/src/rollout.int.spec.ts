import { status, type ServiceError } from '@grpc/grpc-js';
import { inference, registry, runtime, serving, type Payload } from '@rhei/contracts';
import { eventually } from '@rhei/testing';
import { applyExample, begin, exampleResources, inferRequest, question, scene } from '../spec/scene';

const day = 86_400_000_000;
const stages = [
  { stage: 'shadow', for: '1d', guard: 'errors == 0' },
  { stage: 'canary', for: '1d', share: 0.3, key: 'request.origin', advance: 'answered >= 5' },
  { stage: 'live', for: '5d', guard: 'labelled < 10 || difference.low <= 0.0' },
];
const declared = (over: object = { rollout: stages, look: '6h', keep: '2d', benchmark: 'first' }): runtime.Resource[] =>
  exampleResources((kind, spec) => (kind === 'Deployment' ? { model: 'flight-late', featureSet: 'flight-lateness', ...over } : spec));

let it_: Awaited<ReturnType<typeof scene>>;
const digests: string[] = [];
let asked = 0;

/** Registers a version whose log-odds are moved by `shift`, and promotes it. */
async function promote(shift: number): Promise<number> {
  digests.push(await it_.register(shift, digests.length === 0 ? undefined : { champion: { digest: await champion(), logLoss: 0.4 } }));
  await it_.call.call(registry.RegistryServiceClient, 'approveVersion', { model: 'flight-late', version: digests.length, digest: digests.at(-1)!, comment: '' }, { as: 'reviewer' });
  await it_.running.settle();
  return digests.length;
}
async function champion(): Promise<string> {
  const { models } = (await it_.call.call(registry.RegistryServiceClient, 'listModels', {})) as registry.ListModelsResponse;
  return digests[models[0].champion - 1];
}
/** Asks questions of different origins; returns the versions that answered. */
async function ask(count: number): Promise<number[]> {
  const versions: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const request = inferRequest({ ...question, flight: `f${asked}`, origin: `A${String(asked % 40).padStart(2, '0')}` }, `p${asked}`);
    asked += 1;
    // A busy machine may not have features in time; an id makes the question safe to repeat.
    const answer = await eventually('an answer', () => it_.call.call(inference.GRPCInferenceServiceClient, 'modelInfer', request, { as: 'gate' }) as Promise<inference.ModelInferResponse>);
    versions.push(Number(answer.modelVersion));
  }
  await it_.running.settle();
  return versions;
}
const label = (from: number, to: number, value: number) => it_.running.publish('ExampleLabelled', 0, {
  shard: 0, labels: Array.from({ length: to - from }, (_, index) => ({
    featureSet: 'flight-lateness', example: `f${from + index}`, revision: 1, value, exampleTime: begin, maturesAt: begin, arrival: it_.running.now(), asOf: begin, withdrawn: false,
  })),
});
const deployment = async (): Promise<serving.Deployment> => ((await it_.call.call(serving.ServingServiceClient, 'listDeployments', {})) as serving.ListDeploymentsResponse).deployments[0];
const shifts = () => it_.running.published('TrafficShifted').map(({ stage, version, candidate, replaces }) => [stage, version, candidate, replaces]);
const rows = () => it_.running.database('serving').query<{ id: string; version: number; role: string }>('SELECT id, version, role FROM prediction ORDER BY id, version');
interface Decided { by: string; inputs: Record<string, any>; outcome: Record<string, any> }
const decisions = async (action: string): Promise<Decided[]> => {
  const rows = await it_.running.database('serving').query<Record<keyof Decided, string>>('SELECT "by", inputs, outcome FROM decision WHERE action = $1 ORDER BY sequence', [action]);
  return rows.map(({ by, inputs, outcome }) => ({ by, inputs: JSON.parse(inputs) as Decided['inputs'], outcome: JSON.parse(outcome) as Decided['outcome'] }));
};
const rolledBack = (): Payload<'TrafficRolledBack'>[] => it_.running.published('TrafficRolledBack');

async function open(over?: object): Promise<void> {
  digests.length = 0;
  asked = 0;
  it_ = await scene();
  await applyExample(it_.call, declared(over));
  await it_.running.settle();
}

describe('a rollout in stages', () => {
  beforeAll(async () => {
    await open();
    await promote(0);
    await promote(0.4);
  }, 90_000);
  afterAll(() => it_?.stop());

  it('lets the first version answer at once, and tries the next one in shadow: every question is scored by both', async () => {
    expect(shifts()).toEqual([['live', 1, 0, 0], ['shadow', 1, 2, 1]]);
    expect(new Set(await ask(12))).toEqual(new Set([1]));
    const all = await rows();
    expect(all.filter(({ role }) => role === 'live').map(({ version }) => version)).toEqual(Array(12).fill(1));
    expect(all.filter(({ role }) => role === 'shadow').map(({ version }) => version)).toEqual(Array(12).fill(2));
    const said = it_.running.published('PredictionServed').flatMap(({ predictions }) => predictions);
    expect(said.map(({ id, version, role, traffic }) => `${id} ${version} ${role} ${traffic}`).sort()).toEqual(all.map(({ id, version, role }) => `${id} ${version} ${role} 2000`).sort());
  }, 60_000);

  it('gives a canary its share by sticky keys, once the shadow has lasted as long as declared', async () => {
    await it_.running.runTimers(begin + day - 1);
    expect(await deployment()).toMatchObject({ stage: 'shadow', candidate: 2, underWay: true });
    await it_.running.runTimers(begin + day);
    expect(shifts().at(-1)).toEqual(['canary', 1, 2, 1]);
    expect(await deployment()).toMatchObject({ stage: 'canary', candidate: 2, share: 0.3, liveVersion: 1, stageSince: begin + day });
    const answers = await ask(80);
    const tried = answers.filter((version) => version === 2).length;
    expect(tried).toBeGreaterThan(8);
    expect(tried).toBeLessThan(45);
    // The origins come round again after forty questions.
    expect(answers.slice(40)).toEqual(answers.slice(0, 40));
    const all = await rows();
    for (let index = 12; index < 92; index += 1) expect(all.filter(({ id }) => id === `p${index}`).map(({ version }) => version)).toEqual([1, 2]);
  }, 60_000);

  it('goes live after that, and the replaced version goes on scoring', async () => {
    await it_.running.runTimers(begin + 2 * day);
    expect(shifts().at(-1)).toEqual(['live', 2, 0, 1]);
    expect(await deployment()).toMatchObject({ liveVersion: 2, versionBefore: 1, underWay: true, shadows: [{ version: 1, why: 'replaced', until: begin + 9 * day }, { version: 1, why: 'benchmark' }] });
    expect(new Set(await ask(20))).toEqual(new Set([2]));
    expect((await rows()).filter(({ version, role }) => version === 1 && role === 'shadow').length).toBeGreaterThan(20);
    const [shadow, canary] = await decisions('advance-rollout');
    expect(shadow).toMatchObject({ inputs: { version: 2, against: 1, stage: 'shadow', guard: 'errors == 0', figures: { rows: 12, errors: 0, answered: 0 } }, outcome: { stage: 'canary', share: 0.3 } });
    expect(canary).toMatchObject({ inputs: { stage: 'canary', advance: 'answered >= 5', figures: { rows: 92 } }, outcome: { stage: 'live' } });
  }, 60_000);

  it('goes back by itself, in one decision, when matured labels break the guard of the live stage', async () => {
    for (const elapsed of [3, 4, 5]) {
      await it_.running.runTimers(begin + elapsed * day);
      await ask(20);
    }
    // Nothing was ever late: the version with the higher scores is worse for each of them.
    await label(0, asked, 0);
    await it_.running.settle();
    expect(rolledBack()).toEqual([]);
    await it_.running.runTimers(begin + 5 * day + day / 4);
    expect(rolledBack()).toMatchObject([{ deployment: 'departures', version: 2, live: 1, liveDigest: digests[0], by: 'guard', promotion: 2, reason: expect.stringContaining('difference.low <= 0.0') }]);
    expect(shifts().at(-1)).toEqual(['rolled_back', 1, 0, 2]);
    const [back] = await decisions('roll-back');
    expect(back).toMatchObject({ by: 'serving', inputs: { version: 2, figures: { labelled: expect.any(Number), difference: { low: expect.any(Number) } } }, outcome: { live: 1, by: 'guard' } });
    expect(back.inputs.figures.difference.low).toBeGreaterThan(0);
    expect(new Set(await ask(5))).toEqual(new Set([1]));
    expect(await deployment()).toMatchObject({ liveVersion: 1, stage: 'rolled_back', underWay: false, versionBefore: 0 });
  }, 60_000);

  it('is told the alias that follows, and plans nothing for it', async () => {
    await it_.running.settle();
    expect(it_.running.published('ModelVersionPromoted').map(({ version, kind }) => [version, kind])).toEqual([[1, 'promotion'], [2, 'promotion'], [1, 'rollback']]);
    expect((await deployment()).desiredRevision).toBe((await deployment()).shiftedRevision);
    expect(await it_.running.runTimers(it_.running.now() + 10 * day)).not.toContainEqual(expect.objectContaining({ kind: 'rollout', service: 'serving' }));
  }, 90_000);
});

const replay = (id: string, version = 0) => it_.call.call(serving.ServingServiceClient, 'replayPrediction', { id, version }, { as: 'aud' }) as Promise<serving.ReplayPredictionResponse>;
/** `google.rpc` details stand in the trailers; the texts in them are enough here. */
const detailsOf = (error: ServiceError): string => (error.metadata.get('grpc-status-details-bin') as Buffer[]).map((bytes) => bytes.toString('latin1')).join();
const failing = (call: Promise<unknown>): Promise<ServiceError> => call.then(() => { throw new Error('it was answered'); }, (error: ServiceError) => error);

describe('what is on record', () => {
  beforeAll(async () => {
    await open({ fallback: { probability: 0.2 } });
    await it_.call.call(inference.GRPCInferenceServiceClient, 'modelInfer', inferRequest(question, 'early'), { as: 'gate' });
    for (const shift of [0, 0.4]) await promote(shift);
    await ask(3);
    await it_.running.setTime(begin + 5 * day);
  }, 90_000);
  afterAll(() => it_?.stop());

  it('comes out the same to the last bit, of the version that answered and of one that scored beside', async () => {
    for (const [id, version, role] of [['p0', 0, 'live'], ['p1', 2, 'live'], ['p2', 1, 'shadow']] as const) {
      const answer = await replay(id, version);
      expect(answer).toMatchObject({ deployment: 'departures', equal: true, featuresEqual: true, differences: [], notCompared: '', prediction: { id, role } });
      expect(answer.outputs).toEqual(answer.prediction!.outputs);
    }
  });

  it('is told apart where the record was changed, with the feature that differs', async () => {
    await it_.running.database('serving').query(`UPDATE prediction SET features = jsonb_set(features, '{0,value}', '3'), outputs = '{"probability": 0.5}' WHERE id = 'p1' AND role = 'live'`);
    expect(await replay('p1')).toMatchObject({ equal: false, featuresEqual: false, differences: [{ name: 'hour', recorded: 3, now: 17 }] });
    expect((await replay('p1', 1)).equal).toBe(true);
  });

  it('holds the declared answer of before anything was live, which no file made', async () => {
    const { deployment: name, prediction, beside } = (await it_.call.call(serving.ServingServiceClient, 'getPrediction', { id: 'early' })) as serving.GetPredictionResponse;
    expect([name, prediction, beside]).toEqual(['departures', expect.objectContaining({ role: 'fallback', version: 0, reason: 'NO_LIVE_VERSION', outputs: { probability: 0.2 } }), []]);
    expect(await replay('early')).toMatchObject({ outputs: {}, equal: true, notCompared: 'no features were had' });
    const again = (await it_.call.call(inference.GRPCInferenceServiceClient, 'modelInfer', inferRequest(question, 'early'), { as: 'gate' })) as inference.ModelInferResponse;
    expect([again.modelVersion, again.parameters.fallback.parameterChoice]).toEqual(['0', { $case: 'stringParam', value: 'NO_LIVE_VERSION' }]);
  });

  it('is listed, the newest first, by role and time', async () => {
    const list = async (over: object) => ((await it_.call.call(serving.ServingServiceClient, 'listPredictions', { deployment: '', from: 0, to: 0, role: '', limit: 0, ...over })) as serving.ListPredictionsResponse)
      .predictions.map(({ prediction }) => `${prediction!.id} ${prediction!.version}`);
    expect(await list({ deployment: 'departures' })).toEqual(['p2 2', 'p1 2', 'p0 2', 'early 0']);
    expect(await list({ role: 'shadow', limit: 2 })).toEqual(['p2 1', 'p1 1']);
    expect(await list({ deployment: 'nothing' })).toEqual([]);
    expect(await list({ from: begin + 1 })).toEqual([]);
  });

  it('says of bad input which field was wrong, what was expected and what came', async () => {
    const call = (method: string, request: object, as = 'admin') => failing(it_.call.call(serving.ServingServiceClient, method, request, { as }));
    const rollback = (over: object, as?: string) => call('rollback', { deployment: 'departures', reason: 'r', version: 0, to: 0, ...over }, as);
    for (const nothing of [await replayFailure('nothing'), await call('getPrediction', { id: 'nothing' })]) {
      expect(nothing.code).toBe(status.NOT_FOUND);
      expect(detailsOf(nothing)).toMatch(/the id of a prediction on record.*nothing.*rhei predictions list/s);
    }
    expect(await replayFailure('p0', 7)).toMatchObject({ code: status.NOT_FOUND, details: expect.stringContaining('Version 7') });
    for (const [over, text] of [[{ role: 'odd' }, /role "odd"/], [{ limit: 1_001 }, /1 to 1000/], [{ from: 5, to: 5 }, /ends before/]] as const) {
      expect(await call('listPredictions', { deployment: '', from: 0, to: 0, role: '', limit: 0, ...over })).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringMatching(text) });
    }
    expect((await rollback({}, 'dev')).code).toBe(status.PERMISSION_DENIED);
    expect((await rollback({ deployment: 'nothing' })).code).toBe(status.NOT_FOUND);
    expect((await rollback({ reason: ' ' })).code).toBe(status.INVALID_ARGUMENT);
    expect(await rollback({ version: 1 })).toMatchObject({ code: status.ABORTED, details: expect.stringContaining('neither live nor tried') });
    for (const to of [2, 9, -1]) expect((await rollback({ to })).code).toBe(status.INVALID_ARGUMENT);
    const resources = declared({ rollout: [{ stage: 'live', for: '1d', advance: 'labelled > 1', share: 0.1 }, { stage: 'canary', for: '0s', guard: 'error == 0', key: 'request.colour' }] });
    const { problems } = (await it_.call.call(runtime.ResourceServiceClient, 'checkResources', { service: 'serving', resources })) as runtime.CheckResourcesResponse;
    expect(problems.map(({ path }) => path)).toEqual(['/spec/rollout/1/for']);
    const more = (await it_.call.call(runtime.ResourceServiceClient, 'checkResources', { service: 'serving', resources: declared({ rollout: [{ stage: 'live', for: '1d', advance: 'labelled > 1', share: 0.1 }, { stage: 'canary', for: '1d', guard: 'errors == 0 && error == 0', key: 'request.colour' }] }) })) as runtime.CheckResourcesResponse;
    expect(more.problems.map(({ path, offset }) => [path, offset])).toEqual([
      ['/spec/rollout/0/stage', -1], ['/spec/rollout/0/advance', -1], ['/spec/rollout/0/share', -1],
      ['/spec/rollout/1/share', -1], ['/spec/rollout/1/guard', 15], ['/spec/rollout/1/key', 8],
    ]);
    for (const { expected, message } of more.problems) expect([expected === '' ? message : expected]).not.toEqual(['']);
  });
  const replayFailure = (id: string, version = 0) => failing(replay(id, version));
});

describe('a person', () => {
  beforeAll(async () => {
    await open({});
    for (const shift of [0, 0.4, 0.8]) await promote(shift);
  }, 90_000);
  afterAll(() => it_?.stop());

  it('goes back one version at a time, or to one that was live, and nowhere from the first', async () => {
    const back = async (over: object): Promise<serving.RollbackResponse> => {
      const done = (await it_.call.call(serving.ServingServiceClient, 'rollback', { deployment: 'departures', reason: 'r', version: 0, to: 0, ...over }, { as: 'oper' })) as serving.RollbackResponse;
      await it_.running.settle();
      return done;
    };
    expect(await back({ version: 3 })).toMatchObject({ version: 3, live: 2 });
    expect(await failing(back({ version: 3 }))).toMatchObject({ code: status.ABORTED });
    expect(await back({ version: 2 })).toMatchObject({ version: 2, live: 1 });
    expect(await failing(back({}))).toMatchObject({ code: status.ABORTED, details: expect.stringContaining('No version was live') });
    expect(await back({ to: 3 })).toMatchObject({ version: 1, live: 3 });
    expect(new Set(await ask(2))).toEqual(new Set([3]));
    expect(await deployment()).toMatchObject({ stage: 'rolled_back', liveVersion: 3, versionBefore: 2 });
    expect((await decisions('roll-back')).map(({ by, inputs, outcome }) => [by, inputs.version, outcome.live])).toEqual([['oper', 3, 2], ['oper', 2, 1], ['oper', 1, 3]]);
  }, 60_000);
});

describe('a rollout that something comes in the way of', () => {
  afterEach(() => it_?.stop());

  it('begins again with a version that is promoted meanwhile, on record; the benchmark scores for ever', async () => {
    await open();
    for (const shift of [0, 0.4, -0.4]) await promote(shift);
    expect(shifts()).toEqual([['live', 1, 0, 0], ['shadow', 1, 2, 1], ['shadow', 1, 3, 1]]);
    expect((await decisions('start-rollout')).at(-1)).toMatchObject({ inputs: { candidate: 3, live: 1, promotion: 3, stages: ['shadow', 'canary', 'live'] }, outcome: { replacedCandidate: 2 } });
    await ask(3);
    await it_.running.runTimers(begin + 2 * day);
    // The canary has answered nobody.
    expect(await deployment()).toMatchObject({ stage: 'canary', candidate: 3 });
    expect(await decisions('hold-rollout')).toMatchObject([{ inputs: { stage: 'canary' }, outcome: { reason: 'answered >= 5 does not hold yet' } }]);
    await it_.running.runTimers(begin + 2 * day + day / 2);
    expect(await decisions('hold-rollout')).toHaveLength(1);
    await applyExample(it_.call, declared({ benchmark: 'first' }));
    await it_.running.settle();
    expect(await deployment()).toMatchObject({ liveVersion: 3, candidate: 0, stage: 'live', underWay: false });
    await it_.running.runTimers(begin + 20 * day);
    expect(await deployment()).toMatchObject({ liveVersion: 3, versionBefore: 1, shadows: [{ version: 1, why: 'benchmark', until: 0 }] });
    await ask(2);
    expect((await rows()).filter(({ id }) => id === `p${asked - 1}`)).toMatchObject([{ version: 1, role: 'shadow' }, { version: 3, role: 'live' }]);
  }, 120_000);

  it('is not watched again for a later change of the declaration, once it was watched for as long as declared', async () => {
    const watching = { rollout: [{ stage: 'live', for: '1d', guard: 'errors == 0' }], look: '6h', keep: '2d' };
    await open(watching);
    for (const shift of [0, 0.4]) await promote(shift);
    await ask(1);
    await it_.running.runTimers(begin + day);
    expect(await deployment()).toMatchObject({ liveVersion: 2, underWay: false });
    await applyExample(it_.call, declared({ ...watching, benchmark: 'first' }));
    await it_.running.settle();
    expect(await deployment()).toMatchObject({ liveVersion: 2, underWay: false, shadows: [{ version: 1, why: 'replaced' }, { version: 1, why: 'benchmark' }] });
    await it_.running.runTimers(begin + 2 * day);
    expect(await decisions('advance-rollout')).toHaveLength(1);
  }, 120_000);

  it('ends when monitoring asks for it, once for each request, and one about a version that is gone is only recorded', async () => {
    await open();
    for (const shift of [0, 0.4]) await promote(shift);
    await ask(3);
    await label(0, 3, 0);
    await it_.running.settle();
    const labels = async (): Promise<number> => (await it_.running.database('serving').query('SELECT FROM label')).length;
    expect(await labels()).toBe(3);
    const request = { id: 'r1', monitor: 'departures', deployment: 'departures', model: 'flight-late', version: 2, digest: digests[1], reason: 'it hurts', evidenceJson: '{"difference":0.1}' };
    await it_.running.publish('RollbackRequested', 'departures', request);
    await it_.running.publish('RollbackRequested', 'departures', request);
    await it_.running.publish('RollbackRequested', 'departures', { ...request, id: 'r2' });
    await it_.running.settle();
    expect(rolledBack()).toMatchObject([{ version: 2, live: 1, by: 'monitor', reason: 'it hurts', promotion: 2 }]);
    expect(await decisions('ignore-rollback')).toMatchObject([{ inputs: { version: 2, evidence: { difference: 0.1 } }, outcome: { reason: expect.stringContaining('version 2') } }]);
    expect(new Set(await ask(2))).toEqual(new Set([1]));
    // No rollout reads them any more, and no look comes that could let go of them.
    expect(await labels()).toBe(0);
  }, 120_000);
});
