import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtime, training } from '@rhei/contracts';
import { DAY, formatInstant, HOUR } from '@rhei/expressions';
import { call, connect } from '@rhei/runtime';
import { eventually, instant, startServices, type RunningServices } from '@rhei/testing';
import { FeatureDouble } from './feature.fixture';
import type { FitReport } from './fit/task';
import type { MakeSet } from './fit/training-set.fixture';
import { TrainingModule } from './training.module';

const born = instant('2001-03-02T00:00:00Z');
const plan = {
  model: 'late', featureSet: 'lateness', split: { holdout: '14d' }, seed: 7, when: 'false', slices: ['request.lane', 'hour'],
  engine: { trees: 60, maxLeaves: 6, minRowsPerLeaf: 20, earlyStopping: { fold: '10d', rounds: 10 } },
};
const setSpec = JSON.stringify({ request: { distance: 'double', lane: 'string', landed: 'timestamp' }, features: [{ name: 'hour' }, { name: 'fog' }], label: { maturity: '2d' } });
const soon = { deadline: 20_000 };
jest.setTimeout(30_000);

describe('runs of a plan', () => {
  let services: RunningServices;
  let folder: string;
  let features: FeatureDouble;
  const open: { close(): void }[] = [];
  const door = (principal: string): training.TrainingServiceClient => {
    const client = connect(training.TrainingServiceClient, services.grpc, services.token(principal));
    open.push(client);
    return client;
  };
  let as: Record<'dev' | 'aud' | 'oper', training.TrainingServiceClient>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rhei-runs-'));
    features = new FeatureDouble(`file:${folder}`);
    services = await startServices([features.module, TrainingModule], { clock: 'replay', at: born, env: { BLOBS: `file:${folder}`, TRAINING_SUPERVISE_MS: '100', TRAINING_LEASE_MS: '400' } });
    as = { dev: door('dev'), aud: door('aud'), oper: door('oper') };
    await services.publish('ModelApplied', 'late', { name: 'late', version: 1, specJson: '{}' });
    await services.publish('FeatureSetApplied', 'lateness', { name: 'lateness', version: 1, specJson: setSpec, longestWindow: 14 * DAY, features: ['hour', 'fog'] });
    await services.settle();
    await apply(plan);
  }, 60_000);
  afterAll(async () => {
    for (const one of open) one.close();
    await services?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const apply = async (spec: object, name = 'late'): Promise<void> => {
    const resources = connect(runtime.ResourceServiceClient, services.grpc, services.token('dev'));
    open.push(resources);
    await call(resources, 'applyResources', { service: 'training', resources: [{ kind: 'TrainingPlan', name, specJson: JSON.stringify(spec), version: 0 }] }, soon);
  };
  const runOf = async (id: string): Promise<training.Run> => (await call(as.aud, 'getRun', { run: id }, soon)).run!;
  const reportOf = ({ reportJson }: training.Run): FitReport => JSON.parse(reportJson) as FitReport;
  const decisions = (subject: string, action: string): Promise<{ by: string; inputs: Record<string, unknown>; outcome: Record<string, unknown> }[]> =>
    services.database('training').query('SELECT by, inputs::jsonb AS inputs, outcome::jsonb AS outcome FROM decision WHERE subject = $1 AND action = $2 ORDER BY sequence', [subject, action]);
  const build = async (make: Partial<MakeSet> & { leftOut?: number } = {}): Promise<void> => {
    const asOf = services.now();
    await services.publish('TrainingSetBuilt', 'lateness', await features.build('lateness', asOf, { from: asOf - 60 * DAY, days: 58, perDay: 12, ...make }));
  };
  const start = async (over: Partial<training.StartRunRequest> = {}): Promise<string> => (await call(as.dev, 'startRun', { plan: 'late', reason: 'test', requestId: '', noCache: false, ...over }, soon)).run!.id;
  /** Runs on the set of this instant, which is built once. */
  const ended = async (make: Partial<MakeSet> & { leftOut?: number } = {}, over: Partial<training.StartRunRequest> = {}): Promise<training.Run> => {
    const id = await start(over);
    await build(make);
    await services.settle();
    return runOf(id);
  };
  const reproduced = async (run: string, requestId = ''): Promise<training.Reproduction> => {
    const { reproduction } = await call(as.oper, 'reproduceRun', { run, requestId }, soon);
    await services.settle();
    return (await call(as.aud, 'getReproduction', { id: reproduction!.id }, soon)).reproduction!;
  };
  const tamper = (run: string, change: string): Promise<unknown> => services.database('training').transaction((tx) => tx.query(`UPDATE run SET ${change} WHERE id = $1`, [run]));
  let first: training.Run;

  it('end with everything a gate may read, and what they rest on', async () => {
    first = await ended();
    expect(first).toMatchObject({ state: 'succeeded', phase: '', cachedFrom: '', codeDigest: expect.stringMatching(/^[0-9a-f]{64}$/), featureSet: 'lateness', featureSetVersion: 1, endedAt: born });
    const report = reportOf(first);
    expect(report).toMatchObject({
      linear: { logLoss: expect.any(Number), auc: expect.any(Number), calibration: { error: expect.any(Number), low: expect.any(Number), high: expect.any(Number), bins: expect.any(Array) } },
      difference: { linear: { mean: expect.any(Number), low: expect.any(Number), high: expect.any(Number), rows: report.holdout.rows }, baseRate: { rows: report.holdout.rows } },
      leaks: [], stopped: { of: 60 }, improved: true, unbeaten: [],
    });
    expect(report.slices.map(({ field, value }) => `${field} ${value}`)).toEqual(expect.arrayContaining(['request.lane east', 'hour 0..5']));
    expect(JSON.parse(first.parametersJson)).toMatchObject({ trees: 60, earlyStopping: { fold: '10d', rounds: 10 } });
    const [{ outcome }] = await decisions(`run/${first.id}`, 'complete-run');
    expect(outcome.text).toMatch(new RegExp(`linear ${report.linear.logLoss.toFixed(4)}.*; ${report.stopped!.round} of 60 trees were best on the latest rows that fit$`));
  });

  it('are taken from an earlier one that rests on the same, and say so', async () => {
    const again = await ended();
    expect(again).toMatchObject({ state: 'succeeded', cachedFrom: first.id, artifactDigest: first.artifactDigest });
    expect(reportOf(again)).toEqual({ ...reportOf(first), cachedFrom: first.id });
    const [{ outcome }] = await decisions(`run/${again.id}`, 'complete-run');
    expect(outcome).toMatchObject({ cachedFrom: first.id, text: expect.stringContaining(`cached from ${first.id}: same training set, code, parameters and champion`) });
    const [one, other] = services.published('RunCompleted').slice(-2);
    expect({ ...other, run: '', causeJson: '', reportJson: '', cardJson: '' }).toEqual({ ...one, run: '', causeJson: '', reportJson: '', cardJson: '' });
    // One that was taken is not what the next is taken from.
    expect((await ended()).cachedFrom).toBe(first.id);
  });

  it('are fitted again for a person who wants that, and come out the same', async () => {
    const again = await ended({}, { noCache: true });
    expect(again).toMatchObject({ cachedFrom: '', artifactDigest: first.artifactDigest, reportJson: first.reportJson });
    expect((await decisions('plan/late', 'start-run')).at(-1)).toMatchObject({ inputs: { reason: 'test', noCache: true } });
  });

  it('are fitted where a row or a parameter is another', async () => {
    await services.runTimers(services.now() + HOUR);
    await apply({ ...plan, engine: { ...plan.engine, learningRate: 0.05 } });
    const other = await ended({ from: born - 60 * DAY });
    expect(other.cachedFrom).toBe('');
    await services.runTimers(services.now() + HOUR);
    const changed = await ended({ from: born - 60 * DAY, odd: 'changed' });
    expect(changed).toMatchObject({ cachedFrom: '', trainingSetDigest: other.trainingSetDigest });
    await services.runTimers(services.now() + HOUR);
    // Later, but neither rows nor their parting nor the days of the profile are others.
    const taken = await ended({ from: born - 60 * DAY, odd: 'changed', leftOut: 4 });
    expect(taken.cachedFrom).toBe(changed.id);
    const [of, own] = services.published('RunCompleted').slice(-2).map(({ cardJson }) => JSON.parse(cardJson) as { data: { asOf: string }; metrics: object });
    expect(own).toEqual({ ...of, data: { ...of.data, asOf: formatInstant(taken.asOf), leftOut: 4 }, madeBy: { run: changed.id, asOf: of.data.asOf } });
    expect(own.data.asOf).not.toBe(of.data.asOf);
    await apply(plan);
  });

  it('are compared by what differs, causes first, and row by row where they scored the same rows', async () => {
    const faster = (await call(as.aud, 'listRuns', { model: 'late', plan: '', state: '', limit: 0, after: '' }, soon)).runs.find(({ parametersJson }) => parametersJson.includes('0.05'))!;
    const { differences, metrics, paired, unpaired } = await call(as.aud, 'compareRuns', { a: first.id, b: faster.id }, soon);
    expect(differences.map(({ what }) => what)).toEqual(['parameters.learningRate', 'model']);
    expect(differences[0]).toEqual({ what: 'parameters.learningRate', a: '0.1', b: '0.05' });
    const [a, b] = [reportOf(first), reportOf(faster)];
    expect(metrics[0]).toEqual({ name: 'logLoss', a: a.challenger.logLoss, b: b.challenger.logLoss });
    expect(unpaired).toBe('');
    expect(paired).toMatchObject({ rows: a.holdout.rows, mean: expect.closeTo(a.challenger.logLoss - b.challenger.logLoss, 12) });
    expect(paired!.low).toBeLessThanOrEqual(paired!.mean);
    await expect(call(as.aud, 'compareRuns', { a: first.id, b: first.id }, soon)).rejects.toMatchObject({ code: 'conflict', details: { reason: 'SAME_RUN', field: 'b', expected: `a run other than ${first.id}`, got: first.id, hint: expect.any(String) } });
    await expect(call(as.aud, 'compareRuns', { a: first.id, b: 'nothing' }, soon)).rejects.toMatchObject({ code: 'not_found', details: { field: 'run', expected: 'the id of a run', got: 'nothing', hint: expect.any(String) } });
  });

  it('are reproduced from what they recorded, and bring no version', async () => {
    const before = services.published('RunCompleted').length;
    const verdict = await reproduced(first.id, 'mine');
    expect(verdict).toMatchObject({ run: first.id, state: 'same', differences: [], by: 'oper', artifactDigest: first.artifactDigest, progress: 1 });
    expect((await call(as.dev, 'reproduceRun', { run: first.id, requestId: 'mine' }, soon)).reproduction!.id).toBe(verdict.id);
    expect(services.published('RunCompleted')).toHaveLength(before);
    expect((await decisions(`run/${first.id}`, 'compare-reproduction')).map(({ outcome }) => outcome)).toEqual([{ state: 'same', first: null }]);
    await expect(call(as.aud, 'reproduceRun', { run: first.id, requestId: '' }, soon)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(call(as.dev, 'reproduceRun', { run: 'nothing', requestId: '' }, soon)).rejects.toMatchObject({ code: 'not_found' });
    await expect(call(as.aud, 'getReproduction', { id: 'nothing' }, soon)).rejects.toMatchObject({ code: 'not_found', details: { field: 'id', expected: 'the id of a reproduction', got: 'nothing', hint: expect.any(String) } });
  });

  it('name what differs first when they do not come out the same', async () => {
    const { spec_json: spec } = (await services.database('training').query<{ spec_json: string }>('SELECT spec::text AS spec_json FROM run WHERE id = $1', [first.id]))[0];
    await tamper(first.id, `spec = jsonb_set(spec, '{engine,minRowsPerLeaf}', '40')`);
    const other = await reproduced(first.id);
    expect(other.state).toBe('different');
    expect(other.differences.slice(0, 2)).toEqual([{ what: 'parameters.minRowsPerLeaf', a: '20', b: '40' }, { what: 'model', a: first.artifactDigest, b: expect.stringMatching(/^differs in (tree \d+ of \d+|the number of trees: \d+ and \d+)$/) }]);
    await services.database('training').transaction((tx) => tx.query('UPDATE run SET spec = $2 WHERE id = $1', [first.id, spec]));
    await tamper(first.id, `record = jsonb_set(record, '{codeDigest}', '"${'0'.repeat(64)}"'), report = jsonb_set(report, '{challenger,logLoss}', '0.1')`);
    expect((await reproduced(first.id)).differences.map(({ what }) => what)).toEqual(['code', 'report.challenger.logLoss']);
  });

  it('that leak fail with the column and the evidence, unless the plan allows it: then it is decided and on record', async () => {
    await services.runTimers(services.now() + HOUR);
    const stopped = await ended({ odd: 'gap' });
    expect(stopped).toMatchObject({ state: 'failed', failure: expect.stringMatching(/^The training set leaks\. fog \(missing\): whether it has a value .* AUC of 1\.000/) });
    await expect(call(as.dev, 'reproduceRun', { run: stopped.id, requestId: '' }, soon)).rejects.toMatchObject({ code: 'conflict', details: { reason: 'NOTHING_RECORDED', field: 'run', expected: 'a run that has succeeded', got: 'one that has failed', hint: expect.any(String) } });
    await apply({ ...plan, leaks: { allow: [{ column: 'fog', kind: 'missing', reason: 'seen from the tower' }] } });
    const allowed = await ended({ odd: 'gap' });
    expect(reportOf(allowed).leaks).toEqual([{ column: 'fog', kind: 'missing', evidence: expect.any(String), overridden: true, reason: 'seen from the tower' }]);
    expect(await decisions(`run/${allowed.id}`, 'override-leak')).toMatchObject([{ inputs: { column: 'fog', kind: 'missing' }, outcome: { reason: 'seen from the tower' } }]);
  });

  it('show what their process is at, and end with it when they are cancelled', async () => {
    await services.runTimers(services.now() + HOUR);
    await apply({ ...plan, engine: { ...plan.engine, trees: 8_000, earlyStopping: undefined } });
    const id = await start();
    await expect(call(as.dev, 'reproduceRun', { run: id, requestId: '' }, soon)).rejects.toMatchObject({ code: 'conflict', details: { reason: 'RUN_OPEN', field: 'run', expected: 'a run that has succeeded', got: 'one that is waiting', hint: expect.any(String) } });
    await build();
    await eventually('the fit has begun', async () => (await runOf(id)).phase === 'fit');
    const processes = (): string => {
      try {
        return execFileSync('pgrep', ['-P', String(process.pid), '-f', 'fit/child.js']).toString().trim();
      } catch {
        return '';
      }
    };
    expect(processes()).not.toBe('');
    await call(as.oper, 'cancelRun', { run: id }, soon);
    await eventually('its process is gone', () => processes() === '');
    await services.settle();
    expect(await runOf(id)).toMatchObject({ state: 'cancelled', phase: '', failure: 'cancelled by oper' });
  });
});
