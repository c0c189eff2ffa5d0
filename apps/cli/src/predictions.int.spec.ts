import { RheiError, serving } from '@rhei/contracts';
import { parseInstant } from '@rhei/expressions';
import { FakePlatform, rheiOf } from './platform.fixture';

const at = parseInstant('2030-06-30T18:00:00Z');
const prediction = (over: Partial<serving.Prediction> = {}): serving.Prediction => ({
  id: 'p1', version: 2, role: 'live', digest: 'b'.repeat(64), example: 'e1', exampleTime: 0, asOf: at, requestJson: '{"shop":"a"}', outputs: { probability: 0.25 }, traffic: 2_001, reason: '', error: '', featureSetVersion: 0,
  features: [{ name: 'rate', value: 0.5, eventTime: at, age: 7_200_000_000, freshness: 1 }, { name: 'seen', value: undefined, eventTime: 0, age: 0, freshness: 3 }], ...over,
});
const beside = [prediction({ version: 1, role: 'shadow', outputs: { probability: 0.125 } }), prediction({ version: 3, role: 'shadow', outputs: {}, error: 'no number' })];
const fallback = prediction({ id: 'f1', version: 0, role: 'fallback', reason: 'NO_FEATURES', features: [], digest: '' });

describe('rhei predictions and rhei rollback', () => {
  let platform: FakePlatform;
  const asked: serving.RollbackRequest[] = [];
  let answer: Partial<serving.ReplayPredictionResponse>;
  beforeAll(async () => {
    platform = new FakePlatform();
    platform.serving = {
      getPrediction: ({ id }: serving.GetPredictionRequest) => {
        if (id === 'f1') return { deployment: 'departures', model: 'late', prediction: fallback, beside: [] };
        if (id !== 'p1') throw new RheiError('not_found', `There is no prediction "${id}".`, { field: 'id', got: id });
        return { deployment: 'departures', model: 'late', prediction: prediction(), beside };
      },
      listPredictions: ({ role }: serving.ListPredictionsRequest) => ({ predictions: role === 'named' ? [] : [prediction(), fallback, beside[1]].map((one) => ({ deployment: 'departures', model: 'late', prediction: one })) }),
      replayPrediction: ({ version }: serving.ReplayPredictionRequest) => ({
        deployment: 'departures', model: 'late', prediction: version === 0 ? prediction() : beside[0], outputs: { probability: 0.25 }, equal: true, featuresEqual: true, differences: [], notCompared: '', ...answer,
      }),
      rollback: (request: serving.RollbackRequest) => {
        asked.push(request);
        if (request.to === 9) throw new RheiError('invalid', 'Version 9 was not live.', { field: 'to', expected: 'a version that was live here', got: '9', hint: 'such as 1' });
        platform.deployments[0].shiftedRevision = 5;
        return { revision: 5, version: request.version, live: 1 };
      },
    };
    await platform.start();
  });
  beforeEach(() => {
    answer = {};
    asked.length = 0;
  });
  afterAll(() => platform.stop());
  const rhei = (...args: string[]) => rheiOf(platform, ...args);

  it('list: when, which, by whom and how it came out, in 80 columns', async () => {
    const { code, out, err } = await rhei('predictions', 'list', '--deployment', 'departures', '--limit', '3');
    expect([code, err]).toEqual([0, expect.stringContaining('rhei predictions show p1')]);
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['AS OF', 'ID', 'DEPLOYMENT', 'ROLE', 'VERSION', 'SCORE', 'EXAMPLE'],
      ['2030-06-30 18:00:00', 'p1', 'departures', 'live', '2', '0.2500', 'e1'], ['2030-06-30 18:00:00', 'f1', 'departures', 'fallback', '-', '0.2500', 'e1'],
      ['2030-06-30 18:00:00', 'p1', 'departures', 'shadow', '3', 'failed', 'e1'], [''],
    ]);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect((await rhei('predictions', 'list', '--role', 'named')).err).toContain('no predictions like that');
    for (const bad of [['--role', 'odd'], ['--from', 'noon'], ['--limit', '0']]) expect(await rhei('predictions', 'list', ...bad)).toMatchObject({ code: 2 });
    expect(JSON.parse((await rhei('predictions', 'list', '--json')).out)[0]).toMatchObject({ id: 'p1', asOf: '2030-06-30T18:00:00Z', request: { shop: 'a' }, features: [{ name: 'rate', value: 0.5 }, { value: null }] });
  });

  it('show: the question, each feature with its age, who answered, and what others scored', async () => {
    const { out } = await rhei('predictions', 'show', 'p1');
    for (const part of ['version 2 of late (live)', '0.2500', '{"shop":"a"}', 'plan 2001', 'b'.repeat(64)]) expect(out).toContain(part);
    expect(out).toMatch(/rate +0\.5 +2h old\nseen +missing +never seen/);
    expect(out).toMatch(/Beside it\nVERSION +ROLE +SCORE +ERROR\n +1 +shadow +0\.1250 +-\n +3 +shadow +failed +no number/);
    expect((await rhei('predictions', 'show', 'f1')).out).toContain('the declared answer, because of NO_FEATURES');
    expect(await rhei('predictions', 'show', 'other')).toMatchObject({ code: 3, err: expect.stringContaining('There is no prediction "other".') });
    expect(JSON.parse((await rhei('predictions', 'show', 'p1', '--json')).out)).toMatchObject({ id: 'p1', beside: [{ version: 1 }, { version: 3, error: 'no number' }] });
  });

  it('replay: says whether every bit is the same, and fails where one is not', async () => {
    expect(await rhei('predictions', 'replay', 'p1')).toMatchObject({ code: 0, out: expect.stringContaining('version 2 of late gives the same bits: probability 0.25') });
    answer = { equal: false, outputs: { probability: 0.5 }, featuresEqual: false, differences: [{ name: 'rate', recorded: 0.5, now: undefined }] };
    const { code, out } = await rhei('predictions', 'replay', 'p1', '1');
    expect([code, out]).toEqual([1, expect.stringContaining('version 1 of late gave {"probability":0.125} and now gives {"probability":0.5}')]);
    expect(out).toContain('rate was 0.5 and is missing');
    answer = { notCompared: 'feature is away', featuresEqual: false };
    expect(await rhei('predictions', 'replay', 'p1')).toMatchObject({ code: 0, out: expect.stringContaining('not compared: feature is away') });
    expect(await rhei('predictions', 'replay', 'p1', 'two')).toMatchObject({ code: 2 });
    expect(JSON.parse((await rhei('predictions', 'replay', 'p1', '--json')).out)).toMatchObject({ equal: true, notCompared: 'feature is away' });
  });

  it('rollback: takes the version that is tried, or the one that is named, and waits until it is gone', async () => {
    const { code, out } = await rhei('rollback', 'departures', '--reason', 'worse');
    expect([code, asked]).toEqual([0, [{ deployment: 'departures', reason: 'worse', version: 2, to: 0 }]]);
    expect(out).toMatch(/Version 1 answers in departures instead of version 2; all replicas had switched after \d+ ms\./);
    expect(JSON.parse((await rhei('rollback', 'departures', '--reason', 'r', '--to', '7', '--json')).out)).toMatchObject({ version: 1, live: 1, shifted: true, milliseconds: expect.any(Number) });
    expect(asked.at(-1)).toMatchObject({ version: 1, to: 7 });
  });

  it('rollback: says which field was wrong, what was expected and what came', async () => {
    expect(await rhei('rollback', 'departures')).toMatchObject({ code: 2, err: expect.stringContaining('--reason') });
    expect(await rhei('rollback', 'departure', '--reason', 'r')).toMatchObject({ code: 3, err: expect.stringContaining('did you mean departures?') });
    expect(await rhei('rollback', 'departures', '--reason', 'r', '--to', 'x')).toMatchObject({ code: 2 });
    const { code, err } = await rhei('rollback', 'departures', '--reason', 'r', '--to', '9', '--json');
    expect([code, JSON.parse(err)]).toEqual([2, expect.objectContaining({ code: 'invalid', field: 'to', expected: 'a version that was live here', got: '9', hint: 'such as 1' })]);
  });
});
