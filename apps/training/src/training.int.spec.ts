import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { feature, runtime, training, type Payload } from '@rhei/contracts';
import { DAY, HOUR } from '@rhei/expressions';
import { call, connect, openBlobs, run, summaryOf, type Running } from '@rhei/runtime';
import { eventually, instant, startServices, type RunningServices } from '@rhei/testing';
import { FeatureDouble } from './feature.fixture';
import { beat, holds, listLeases, takeLease } from './lease.store';
import { askTrainingSet } from './ask-training-set';
import { findRun } from './run.store';
import { TrainingModule } from './training.module';

const born = instant('2001-01-01T00:00:00Z');
const plan = {
  model: 'late', featureSet: 'lateness', split: { holdout: '14d' }, seed: 7, when: 'versions == 0 && labels >= 400 && days >= 10', cooldown: '7d',
  engine: { trees: 20, maxLeaves: 6, minRowsPerLeaf: 20 },
};
const setSpec = JSON.stringify({ request: { distance: 'double', flight: 'string' }, label: { maturity: '2d' } });
const soon = { deadline: 20_000 };

describe('the training service', () => {
  let services: RunningServices;
  let folder: string;
  let features: FeatureDouble;
  const open: { close(): void }[] = [];
  const as = (principal: string): training.TrainingServiceClient => {
    const client = connect(training.TrainingServiceClient, services.grpc, services.token(principal));
    open.push(client);
    return client;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rhei-training-'));
    features = new FeatureDouble(`file:${folder}`);
    services = await startServices([features.module, TrainingModule], {
      clock: 'replay', at: born, env: { BLOBS: `file:${folder}`, TRAINING_SUPERVISE_MS: '100', TRAINING_LEASE_MS: '400' },
    });
    await services.publish('ModelApplied', 'late', { name: 'late', version: 1, specJson: '{}' });
    await services.publish('FeatureSetApplied', 'lateness', { name: 'lateness', version: 1, specJson: setSpec, longestWindow: 14 * DAY, features: ['hour', 'fog'] });
    await services.settle();
  }, 60_000);
  afterAll(async () => {
    for (const one of open) one.close();
    await services?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const apply = async (name: string, spec: object): Promise<void> => {
    const resources = connect(runtime.ResourceServiceClient, services.grpc, services.token('dev'));
    open.push(resources);
    await call(resources, 'applyResources', { service: 'training', resources: [{ kind: 'TrainingPlan', name, specJson: JSON.stringify(spec), version: 0 }] }, soon);
  };
  const label = async (count: number, from: number, over: { revision?: number; withdrawn?: boolean } = {}): Promise<void> => {
    const labels = Array.from({ length: count }, (_, index) => {
      const exampleTime = from + index * HOUR;
      return { featureSet: 'lateness', example: `f${from}/${index}`, revision: 1, value: index % 2, exampleTime, maturesAt: exampleTime + 2 * DAY, arrival: exampleTime + HOUR, asOf: exampleTime, withdrawn: false, ...over };
    });
    await services.publish('ExampleLabelled', 0, { shard: 0, labels });
  };
  const runs = async (model = 'late'): Promise<training.Run[]> => (await call(as('aud'), 'listRuns', { model, plan: '', state: '', limit: 0, after: '' }, soon)).runs.reverse();
  const runOf = async (id: string): Promise<training.Run> => (await call(as('aud'), 'getRun', { run: id }, soon)).run!;
  const decisions = async (subject: string): Promise<{ action: string; by: string; outcome: Record<string, unknown> }[]> =>
    services.database('training').query('SELECT action, by, outcome::jsonb AS outcome FROM decision WHERE subject = $1 ORDER BY sequence', [subject]);
  const build = async (asOf: number, make = {}): Promise<void> =>
    services.publish('TrainingSetBuilt', 'lateness', await features.build('lateness', asOf, { from: asOf - 60 * DAY, days: 58, perDay: 12, ...make }));
  const completed = (): Payload<'RunCompleted'>[] => services.published('RunCompleted');
  const promote = async (version: number, digest: string, run: string, fitUntil: number): Promise<void> => {
    await services.publish('ModelVersionPromoted', 'late', {
      model: 'late', version, digest, replaces: version - 1, replacesDigest: '', revision: version, by: 'reviewer', promotedAt: services.now(), featureSet: 'lateness', featureSetVersion: 1, fitUntil, run, kind: 'promotion', reason: '',
    });
    await services.settle();
  };
  const request = (id: string): Promise<void> =>
    services.publish('RetrainingRequested', 'late', { id, monitor: 'late', deployment: 'late', model: 'late', asOf: services.now(), reason: 'outcome drifted', inputsJson: '{}' });

  it('trains when the condition of a plan holds at its daily look, once the training set is built', async () => {
    await apply('late', plan);
    await label(500, born + 30 * 60_000_000);
    // Windows full on 16 January, labels mature two days later: the tenth whole day ends on the 26th, known on the 28th.
    const looks = await services.runTimers(born + 26 * DAY);
    expect(looks.map(({ kind, key }) => `${kind} ${key}`)).toEqual(new Array(26).fill('look late'));
    expect(await runs()).toEqual([]);
    await services.runTimers(born + 27 * DAY);
    const [run] = await runs();
    expect(run).toMatchObject({ plan: 'late', state: 'waiting', asOf: born + 27 * DAY, by: 'training', id: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(JSON.parse(run.causeJson)).toEqual({ kind: 'plan', id: 'late', reason: `${plan.when}: labels 500, days 10, versions 0, age 0` });
    expect(features.asked[0]).toEqual({ featureSet: 'lateness', version: 1, asOf: run.asOf, requireFullWindows: true });

    // While the set is waited for, the next look declines.
    await services.runTimers(born + 28 * DAY);
    await build(run.asOf);
    await services.settle();
    expect(await runOf(run.id)).toMatchObject({ state: 'succeeded', progress: 1 });
    expect(await decisions('plan/late')).toMatchObject([
      { action: 'start-run', by: 'training', outcome: { run: run.id } }, { action: 'decline', outcome: { reason: `run ${run.id} is open` } },
    ]);
  }, 60_000);

  it('says with the completed run everything that a registry needs, and keeps the artifact', async () => {
    const [run] = await runs();
    const [event] = completed();
    expect(event).toMatchObject({
      run: run.id, plan: 'late', model: 'late', featureSet: 'lateness', featureSetVersion: 1, asOf: run.asOf, author: 'training', causeJson: run.causeJson,
      artifactDigest: run.artifactDigest, trainingSetDigest: run.trainingSetDigest, codeDigest: expect.stringMatching(/^[0-9a-f]{64}$/), profile: { bucket: DAY, to: born + 25 * DAY },
    });
    expect(await (await openBlobs(`file:${folder}`)).get(event.artifactDigest)).toHaveLength(event.artifactSize);
    expect(JSON.parse(event.reportJson)).toMatchObject({ improved: true, challenger: { logLoss: expect.any(Number) } });
    expect(JSON.parse(event.parametersJson)).toMatchObject({ trees: 20, seed: 7 });
    for (const json of [event.signatureJson, event.exampleJson, event.cardJson]) expect(Object.keys(JSON.parse(json) as object)).not.toEqual([]);
  });

  it('waits out the cooldown while the version is not the champion, and starts nothing more once it is', async () => {
    const [run] = await runs();
    await services.publish('ModelVersionRegistered', 'late', {
      model: 'late', version: 1, digest: run.artifactDigest, run: run.id, author: 'training', registeredAt: services.now(), featureSet: 'lateness', featureSetVersion: 1, causeJson: run.causeJson, reportJson: run.reportJson, profile: completed()[0].profile, asOf: run.asOf,
    });
    await services.runTimers(born + 29 * DAY);
    expect((await decisions('plan/late')).at(-1)).toMatchObject({ action: 'decline', outcome: { reason: expect.stringContaining('is not the champion; its cooldown of 7d is not over') } });
    await promote(1, run.artifactDigest, run.id, completed()[0].fitUntil);
    const before = await decisions('plan/late');
    await services.runTimers(born + 40 * DAY);
    expect(await decisions('plan/late')).toEqual(before);
  });

  it('starts one run per request for retraining, compares it with the champion, and declines while one is open', async () => {
    await request('drift-1');
    await request('drift-1');
    await request('drift-2');
    await services.settle();
    const [first, second, ...more] = await runs();
    expect(more).toEqual([]);
    expect(JSON.parse(second.causeJson)).toEqual({ kind: 'drift', id: 'drift-1', reason: 'outcome drifted' });
    expect((await decisions('plan/late')).at(-1)).toMatchObject({ action: 'decline', by: 'training', outcome: { reason: `run ${second.id} is open` } });
    await build(second.asOf, { foggy: 0.3 });
    await services.settle();
    const { reportJson } = await runOf(second.id);
    expect(JSON.parse(reportJson)).toMatchObject({ champion: { digest: first.artifactDigest, logLoss: expect.any(Number) } });
  });

  it('says that nobody trains a model which no plan names', async () => {
    await services.publish('RetrainingRequested', 'other', { id: 'x', monitor: 'm', deployment: 'd', model: 'other', asOf: services.now(), reason: 'r', inputsJson: '{}' });
    await services.settle();
    expect(await decisions('model/other')).toMatchObject([{ action: 'decline', outcome: { reason: 'no training plan names model "other"' } }]);
  });

  it('lets a person start a run, once per request, and not two at a time', async () => {
    const start = (requestId: string, principal = 'dev'): Promise<training.StartRunResponse> => call(as(principal), 'startRun', { plan: 'late', reason: 'new data', requestId, noCache: false }, soon);
    const { run } = await start('mine');
    expect(run).toMatchObject({ state: 'waiting', by: 'dev' });
    expect(JSON.parse(run!.causeJson)).toEqual({ kind: 'person', id: 'dev', reason: 'new data' });
    expect((await start('mine')).run!.id).toBe(run!.id);
    await expect(start('another')).rejects.toMatchObject({ code: 'conflict', details: { reason: 'RUN_OPEN', field: 'plan', expected: 'a plan without an open run', got: expect.stringMatching(/^run [0-9a-f]{16}$/), hint: expect.any(String) } });
    await expect(start('theirs', 'aud')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(call(as('dev'), 'startRun', { plan: 'nothing', reason: '', requestId: '', noCache: false }, soon)).rejects.toMatchObject({ code: 'not_found' });

    const cancelled = await call(as('oper'), 'cancelRun', { run: run!.id }, soon);
    expect(cancelled.run).toMatchObject({ state: 'cancelled', failure: 'cancelled by oper' });
    await services.settle();
    expect(services.published('RunFailed').at(-1)).toMatchObject({ run: run!.id, reason: 'cancelled by oper' });
    expect((await call(as('oper'), 'cancelRun', { run: run!.id }, soon)).run!.state).toBe('cancelled');
    await expect(call(as('oper'), 'cancelRun', { run: (await runs())[0].id }, soon)).rejects.toMatchObject({ code: 'conflict', details: { reason: 'RUN_ENDED', field: 'run', expected: 'a run that is waiting or running', got: expect.stringMatching(/^one that has /), hint: expect.any(String) } });
  });

  it('fails a run whose training set could not be built, with the reason', async () => {
    const id = await started();
    const { asOf } = await runOf(id);
    await services.publish('TrainingSetBuilt', 'lateness', features.fail('lateness', asOf, 'the disk is full'));
    await services.settle();
    expect(await runOf(id)).toMatchObject({ state: 'failed', failure: 'The training set could not be built: the disk is full' });
    expect(services.published('RunFailed').at(-1)).toMatchObject({ run: id, plan: 'late', model: 'late', reason: expect.stringContaining('the disk is full') });
  });

  it('asks again at once when the event of a training set came before the answer that names it', async () => {
    const id = await started();
    const database = services.database('training');
    // As it stands in the moment between the two: the set is built and said, the answer is not kept.
    await database.query(`UPDATE run SET build = 'unasked', training_set = '', heard_training_set = 'set' WHERE id = $1`, [id]);
    const answer = { id: 'set', state: feature.BuildState.BUILDING, manifestDigest: '', manifestJson: '', error: '' };
    const once = async (): Promise<boolean> => askTrainingSet({ database, buildTrainingSet: async () => answer, wake: () => undefined }, (await findRun(database, id))!);
    expect(await once()).toBe(true);
    expect((await findRun(database, id))!.build).toBe('unasked');
    await call(as('dev'), 'cancelRun', { run: id }, soon);
    await services.settle();
  });

  /** Moves the clock, so that each run has an as-of of its own, and starts a run by hand. */
  async function started(): Promise<string> {
    await services.runTimers(services.now() + HOUR);
    const { run } = await call(as('dev'), 'startRun', { plan: 'late', reason: 'test', requestId: '', noCache: false }, soon);
    await services.settle();
    return run!.id;
  }
  const slowly = { ...plan, engine: { ...plan.engine, trees: 4_000 } };
  const processOf = (): number | undefined => {
    try {
      return Number(execFileSync('pgrep', ['-P', String(process.pid), '-f', 'fit/child.js']).toString().trim().split('\n')[0]);
    } catch {
      return undefined;
    }
  };

  describe('when processes die', () => {
    beforeAll(() => apply('late', slowly));

    it('tries a run again whose process was killed once, and fails it the second time', async () => {
      const id = await started();
      await build((await runOf(id)).asOf);
      const first = await eventually('a process', processOf);
      process.kill(first, 'SIGKILL');
      const second = await eventually('another process', () => { const now = processOf(); return now !== first && now; });
      process.kill(second, 'SIGKILL');
      await services.settle();
      expect(await runOf(id)).toMatchObject({ state: 'failed', failure: 'The process of the run ended with SIGKILL.' });
    });

    it('ends the process of a run that is cancelled', async () => {
      const id = await started();
      await build((await runOf(id)).asOf);
      const child = await eventually('a process', processOf);
      await call(as('dev'), 'cancelRun', { run: id }, soon);
      await eventually('no process', () => processOf() !== child);
      await services.settle();
      expect(await runOf(id)).toMatchObject({ state: 'cancelled' });
    });

    it.each([['of this machine, which is gone', () => `${hostname()}/4194300/x`], ['of another machine, whose beat stands still', () => 'elsewhere/1/x']])(
      'takes over from a holder %s', async (_what, holder) => {
        await apply('late', plan);
        const id = await started();
        const { asOf } = await runOf(id);
        // The row as a replica leaves it that was killed in the middle of a run.
        const { manifestDigest, manifestJson, id: set } = await features.build('lateness', asOf, { from: asOf - 60 * DAY, days: 58, perDay: 12 });
        const before = completed().length;
        await services.database('training').transaction((tx) => tx.query(
          `UPDATE run SET state = 'running', build = 'built', training_set = $2, manifest_digest = $3, training_set_digest = $4, lease_holder = $5, lease_token = 5, lease_beat = 3 WHERE id = $1`,
          [id, set, manifestDigest, (JSON.parse(manifestJson) as { digests: { rows: string } }).digests.rows, holder()]));
        await services.settle();
        expect(await runOf(id)).toMatchObject({ state: 'succeeded' });
        const [{ lease_token: token }] = await services.database('training').query<{ lease_token: string }>('SELECT lease_token FROM run WHERE id = $1', [id]);
        expect(Number(token)).toBeGreaterThan(6);
        expect(completed()).toHaveLength(before + 1);
      });

    it('writes nothing more under a token that another has overtaken', async () => {
      const id = await started();
      await services.database('training').transaction(async (tx) => {
        await tx.query(`UPDATE run SET state = 'running', lease_holder = 'elsewhere/1/x', lease_token = 5, lease_beat = 3 WHERE id = $1`, [id]);
        const old = (await listLeases(tx)).find((lease) => lease.id === id)!;
        const taken = (await takeLease(tx, old, 'here/1/y'))!;
        expect(taken).toMatchObject({ work: 'run', id, holder: 'here/1/y', token: 6, beat: 0 });
        expect(await takeLease(tx, old, 'there/1/z')).toBeUndefined();
        const half = { done: 0.5, phase: 'fit' };
        expect([await beat(tx, old, half), await holds(tx, old), await beat(tx, taken, half), await holds(tx, taken)]).toEqual([false, false, true, true]);
        await tx.query(`UPDATE run SET state = 'waiting', lease_holder = '' WHERE id = $1`, [id]);
      });
      await call(as('dev'), 'cancelRun', { run: id }, soon);
      await services.settle();
    });
  });

  it('explains a run, and counts it', async () => {
    const { run, training: service } = { run: (await runs())[0], training: services.running.services.get('training')! };
    const operations = connect(runtime.OperationsServiceClient, services.grpc, services.token('aud'));
    open.push(operations);
    const why = await call(operations, 'explain', { service: 'training', kind: 'run', id: run.id }, soon);
    expect(why).toMatchObject({ found: true, causes: [{ service: 'feature', kind: 'training-set' }] });
    expect(why.lines.join('\n')).toMatch(/started by plan.*became late\/1, which was promoted/s);
    const summary = await summaryOf(service);
    expect(summary.counts).toMatchObject({ runs: (await runs()).length });
    expect(summary.digests['models']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('goes on after a stop in the middle of a run', async () => {
    await apply('late', slowly);
    const id = await started();
    await build((await runOf(id)).asOf);
    const child = await eventually('a process', processOf);
    await services.running.stop();
    expect(processOf()).not.toBe(child);
    let again: Running | undefined;
    try {
      again = await run([features.module, TrainingModule], { env: services.env });
      const { database } = again.services.get('training')!;
      await eventually('the run has ended', async () => (await database.query<{ state: string }>('SELECT state FROM run WHERE id = $1', [id]))[0].state === 'succeeded', 30_000);
    } finally {
      await again?.stop();
    }
  }, 60_000);
});
