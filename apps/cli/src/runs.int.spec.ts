import { RheiError, training } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { service, type Call, type Service } from '@rhei/runtime';
import { startServices, type RunningServices } from '@rhei/testing';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { run } from './run';

const id = '3f0c9b2a4d5e6f70';
const scores = (logLoss: number): object => ({ logLoss, auc: 0.7, brier: 0.1, calibration: { error: 0.02, low: 0, high: 0.04, slope: 0.9, bins: [] } });
const report = {
  holdout: { from: '2001-02-01T00:00:00Z', to: '2001-02-14T00:00:00Z', rows: 400 }, fit: { from: '2001-01-01T00:00:00Z', to: '2001-01-31T00:00:00Z', rows: 900 },
  challenger: scores(0.41), champion: scores(0.42), linear: scores(0.405), baseRate: { logLoss: 0.5, auc: 0.5, brier: 0.2, calibration: { error: 0.01, bins: [] } },
  difference: { champion: { mean: -0.01, low: -0.02, high: -0.002, rows: 400 }, linear: { mean: 0.005, low: -0.001, high: 0.011, rows: 400 } },
  slices: [{ field: 'request.lane', value: 'east', rows: 120, logLoss: 0.4, difference: { mean: -0.02, low: -0.03, high: -0.01 } }, { field: 'hour', value: '0..5', rows: 7, logLoss: 0.3, difference: null }],
  leaks: [{ column: 'fog', kind: 'power', evidence: 'alone it tells the label', overridden: true, reason: 'seen from the tower' }], stopped: { round: 38, of: 300 }, improved: false, unbeaten: ['linear baseline'],
};
const aRun = (over: Partial<training.Run> = {}): training.Run => training.Run.fromPartial({
  id, plan: 'churn', model: 'churn', state: 'succeeded', asOf: 983_404_800_000_000, endedAt: 983_404_800_000_000, seconds: 3.21, causeJson: '{"kind":"person","reason":"new market"}', by: 'dev', progress: 1,
  reportJson: canonicalJson(report), artifactDigest: 'a'.repeat(64), trainingSetDigest: 'b'.repeat(64), codeDigest: 'c'.repeat(64), parametersJson: '{"trees":300,"learningRate":0.05,"earlyStopping":{"fold":"7d","rounds":20}}',
  featureSet: 'set', featureSetVersion: 2, championJson: '{"version":1,"digest":"dd"}', ...over,
});

/** A training service that answers what a test has laid out, one answer after the other. */
const said: { run: training.Run[]; reproduction: training.Reproduction[]; comparison?: training.CompareRunsResponse; started: training.StartRunRequest[]; listed: training.ListRunsRequest[] } = { listed: [], run: [], reproduction: [], started: [] };
const next = <T>(answers: T[]): T => (answers.length > 1 ? answers.shift()! : answers[0]);
const one = (handle: (request: never, call: Call) => unknown) => ({ roles: ['developer' as const, 'operator' as const], deadline: 1_000, handle: async (request: never, call: Call) => handle(request, call) as never });
const double: Service = service({
  name: 'training', config: z.object({}), migrations: [], deps: () => ({}),
  rpc: () => [{
    definition: training.TrainingServiceService,
    methods: {
      listRuns: one((request: training.ListRunsRequest) => {
        said.listed.push(request);
        return { runs: said.run, total: 7 };
      }),
      getRun: one(({ run: named }: training.GetRunRequest) => {
        if (named !== id) throw new RheiError('not_found', `There is no run "${named}".`);
        return { run: next(said.run) };
      }),
      startRun: one((request: training.StartRunRequest) => {
        said.started.push(request);
        return { run: next(said.run) };
      }),
      cancelRun: one(() => ({ run: aRun({ state: 'cancelled' }) })),
      compareRuns: one(() => said.comparison),
      reproduceRun: one(() => ({ reproduction: next(said.reproduction) })),
      getReproduction: one(() => ({ reproduction: next(said.reproduction) })),
    },
  }],
});

describe('rhei runs', () => {
  let running: RunningServices;
  beforeAll(async () => {
    running = await startServices([double], { clock: 'replay', at: 0 });
  }, 60_000);
  afterAll(() => running?.stop(), 30_000);

  async function rhei(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const streams = { stdout: Object.assign(new PassThrough({ highWaterMark: 1e7 }), { isTTY: true, columns: 80 }), stderr: new PassThrough({ highWaterMark: 1e7 }), stdin: new PassThrough() };
    const env = { NO_COLOR: '1', RHEI_URL: running.http, RHEI_GRPC: running.grpc, RHEI_TOKEN: running.token('oper') };
    const code = await run(args, { env, ...streams } as unknown as Parameters<typeof run>[1]);
    return { code, out: String(streams.stdout.read() ?? ''), err: String(streams.stderr.read() ?? '') };
  }
  const fits = (text: string): void => text.split('\n').forEach((line) => expect(line.length > 80 ? line : "").toBe(""));

  it('list: the newest first, a page at a time, and how to go on', async () => {
    said.run = [aRun(), aRun({ id: '9a41d2e8b7c65f03', state: 'failed', failure: 'nobody was late' })];
    const { code, out, err } = await rhei('runs', 'list', '--plan', 'churn', '--limit', '2');
    expect(code).toBe(0);
    expect(said.listed.at(-1)).toEqual({ model: '', plan: 'churn', state: '', limit: 2, after: '' });
    expect(out).toMatch(/^RUN +PLAN +AS OF +STATE +CAUSE\n3f0c9b2a4d5e6f70 +churn +2001-03-01/);
    expect(err).toBe('2 of 7. Go on: rhei runs list --plan churn --limit 2 --after 9a41d2e8b7c65f03\n');
    fits(out);
    expect(JSON.parse((await rhei('runs', 'list', '--state', 'open', '--json')).out)).toMatchObject({ total: 7, runs: [{ id }, { failure: 'nobody was late' }] });
    expect(said.listed.at(-1)).toMatchObject({ state: 'open', limit: 50 });
    said.run = [];
    expect(await rhei('runs', 'list', '--after', id)).toMatchObject({ code: 0, out: '', err: 'There is no more.\n' });
    expect(await rhei('runs', 'list', '--state', 'done')).toMatchObject({ code: 2, err: expect.stringContaining('Allowed choices are open, waiting') });
    expect(await rhei('runs', 'list', '--limit', 'all')).toMatchObject({ code: 2, err: expect.stringContaining('Expected a whole number above zero, got "all".') });
  });

  it('show: what made it, against whom it was scored, by which margin, in which slices, in 80 columns', async () => {
    said.run = [aRun()];
    const { code, out } = await rhei('runs', 'show', id);
    expect(code).toBe(0);
    expect(out).toMatch(/ended +2001-03-01T00:00:00Z, after 3\.2 s of work/);
    expect(out).toMatch(/trees +38 of 300: best on the latest rows that fit/);
    expect(out).toMatch(/ON 400 LATER ROWS +THIS +CHAMPION +LINEAR +BASE RATE\nlog loss +0\.4100 +0\.4200 +0\.4050 +0\.5000/);
    expect(out).toContain('It did not beat the linear baseline.');
    expect(out).toMatch(/champion +-0\.0100 +-0\.0200 to -0\.0020 +better\nlinear baseline +\+0\.0050 +-0\.0010 to \+0\.0110 +unclear/);
    expect(out).toMatch(/request\.lane +east +120 +0\.4000 +-0\.0200 +-0\.0300 to -0\.0100\nhour +0\.\.5 +7 +0\.3000 +- +-/);
    expect(out).toMatch(/fog \(power\): alone it tells the label\. Allowed: seen from\s+the tower\./);
    fits(out);
    expect(JSON.parse((await rhei('runs', 'show', id, '--json')).out)).toMatchObject({ id, report: { stopped: { round: 38 } }, parameters: { trees: 300 }, endedAt: '2001-03-01T00:00:00Z' });
    expect(await rhei('runs', 'show', 'nothing')).toMatchObject({ code: 3, out: '', err: expect.stringContaining('There is no run "nothing"') });
  });

  it('show: what an open run is at, and where a run was taken from', async () => {
    said.run = [aRun({ state: 'running', progress: 0.42, phase: 'fit', reportJson: '', endedAt: 0, seconds: 0 })];
    expect((await rhei('runs', 'show', id)).out).toMatch(/now +running 42 %, fit/);
    expect((await rhei('runs', 'list')).out).toContain('running 42 %, fit');
    said.run = [aRun({ cachedFrom: '9a41d2e8b7c65f03' })];
    expect((await rhei('runs', 'show', id)).out).toMatch(/cached from +run 9a41d2e8b7c65f03: same training set, code, parameters and\s+champion/);
  });

  it('start --wait: shows each part of the work and ends with it', async () => {
    said.run = [aRun({ state: 'waiting' }), aRun({ state: 'running', phase: 'load rows' }), aRun({ state: 'running', phase: 'fit', progress: 0.4 }), aRun()];
    const { code, out, err } = await rhei('runs', 'start', 'churn', '--wait', '--no-cache', '--reason', 'new market');
    expect([code, err.trim().split('\n')]).toEqual([0, [`run ${id}: waits for its training set`, `run ${id}: load rows`, `run ${id}: fit`]]);
    expect(out).toContain('ON 400 LATER ROWS');
    expect(said.started.at(-1)).toEqual({ plan: 'churn', reason: 'new market', requestId: '', noCache: true });
    said.run = [aRun({ state: 'running' }), aRun({ state: 'failed', failure: 'The training set leaks.', reportJson: '' })];
    const failed = await rhei('runs', 'start', 'churn', '--wait', '--json');
    expect([failed.code, failed.err, JSON.parse(failed.out)]).toMatchObject([1, '', { state: 'failed', failure: 'The training set leaks.' }]);
    expect(said.started.at(-1)).toMatchObject({ noCache: false, reason: 'started by hand' });
  });

  it('cancel: says that it brings no version', async () => {
    expect(await rhei('runs', 'cancel', id)).toMatchObject({ code: 0, out: `Run ${id} of plan churn is cancelled. It brings no version.\n` });
    expect(await rhei('runs', 'cancel')).toMatchObject({ code: 2, err: expect.stringContaining("missing required argument 'run'") });
  });

  it('compare: what differs first, then the scores, then the same rows', async () => {
    const paired = { mean: -0.01, low: -0.02, high: -0.002, rows: 400, days: 14 };
    said.comparison = {
      a: aRun(), b: aRun({ id: '9a41d2e8b7c65f03' }), differences: [{ what: 'parameters.trees', a: '300', b: '40' }, { what: 'model', a: 'a'.repeat(64), b: 'b'.repeat(64) }],
      metrics: [{ name: 'logLoss', a: 0.41, b: 0.42 }], paired, unpaired: '',
    };
    const { out } = await rhei('runs', 'compare', id, '9a41d2e8b7c65f03');
    expect(out).toMatch(/DIFFERS FIRST IN +RUN 3f0c9b2a +RUN 9a41d2e8\nparameters\.trees +300 +40\nmodel +aaaaaaaaaaaa +bbbbbbbbbbbb/);
    expect(out).toContain(`(95 % by days -0.0200 to -0.0020): ${id} is better.`);
    fits(out);
    said.comparison = { ...said.comparison, differences: [], paired: undefined, unpaired: 'they scored different rows' };
    expect((await rhei('runs', 'compare', id, 'x')).out).toMatch(/Nothing differs.*\n[\s\S]*Not compared row by row: they scored different rows\./);
    expect(JSON.parse((await rhei('runs', 'compare', id, 'x', '--json')).out)).toMatchObject({ differences: [], metrics: { logLoss: { a: 0.41, b: 0.42 } }, paired: null, unpaired: 'they scored different rows' });
  });

  it('reproduce: the same, or the first difference and a failing end', async () => {
    const reproduction = (over: Partial<training.Reproduction>): training.Reproduction => training.Reproduction.fromPartial({ id: 'p1', run: id, artifactDigest: 'a'.repeat(64), ...over });
    said.reproduction = [reproduction({ state: 'running', phase: 'fit', progress: 0.3 }), reproduction({ state: 'same' })];
    expect(await rhei('runs', 'reproduce', id)).toEqual({ code: 0, err: `run ${id}, again: fit\n`, out: `Run ${id} gives the same model and report again: ${'a'.repeat(64)}\n` });
    said.reproduction = [reproduction({ state: 'different', differences: [{ what: 'code', a: 'c'.repeat(64), b: 'e'.repeat(64) }, { what: 'model', a: 'a'.repeat(64), b: 'differs in tree 12 of 40' }] })];
    const { code, out } = await rhei('runs', 'reproduce', id);
    expect(code).toBe(1);
    expect(out).toMatch(/It parts first in code\.\n\nDIFFERS FIRST IN +RECORDED +AGAIN\ncode +cccccccccccc +eeeeeeeeeeee\nmodel +aaaaaaaaaaaa +differs in tree 12 of 40/);
    said.reproduction = [reproduction({ state: 'failed', failure: 'The disk is full.' })];
    expect(await rhei('runs', 'reproduce', id)).toMatchObject({ code: 1, out: `Run ${id} could not be fitted again: The disk is full.\n` });
  });

  it.each(['list', 'show', 'start', 'cancel', 'compare', 'reproduce'])('%s has an example in its help', async (command) => {
    expect((await rhei('runs', command, '--help')).out).toContain(`\n  rhei runs ${command}`);
  });
});
