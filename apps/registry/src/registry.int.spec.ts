import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registry, runtime, type Payload } from '@rhei/contracts';
import { writeTreeModel } from '@rhei/onnx';
import { call, connect, openBlobs } from '@rhei/runtime';
import { eventually, instant, startServices, type RunningServices } from '@rhei/testing';
import { RegistryModule } from './registry.module';

const at = instant('2001-02-26T00:00:00Z');
const spec = {
  owner: 'punctuality-team', purpose: 'tell whether a flight will be late', riskTier: 'limited', approval: 'required',
  gates: [{ name: 'beats the base rate', rule: 'challenger.logLoss < baseRate.logLoss' }],
};

/** A model of one leaf: another value is another artifact. */
const artifact = (value: number): Uint8Array =>
  writeTreeModel({ ensemble: { features: ['distance'], base: 0, roots: [0], feature: [-1], threshold: [0], missingLeft: [0], left: [0], right: [0], value: [value] } });

describe('the registry', () => {
  let services: RunningServices;
  let folder: string;
  const open: { close(): void }[] = [];
  const as = (principal: string): registry.RegistryServiceClient => {
    const made = connect(registry.RegistryServiceClient, services.grpc, services.token(principal));
    open.push(made);
    return made;
  };
  const soon = { deadline: 20_000 };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rhei-registry-'));
    services = await startServices([RegistryModule], { clock: 'replay', at, env: { BLOBS: `file:${folder}` } });
  }, 60_000);
  afterAll(async () => {
    for (const one of open) one.close();
    await services?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const apply = async (name: string, changed: object = {}): Promise<void> => {
    const resources = connect(runtime.ResourceServiceClient, services.grpc, services.token('dev'));
    open.push(resources);
    await call(resources, 'applyResources', { service: 'registry', resources: [{ kind: 'Model', name, specJson: JSON.stringify({ ...spec, ...changed }), version: 0 }] }, soon);
  };
  const store = async (value: number): Promise<string> => (await openBlobs(`file:${folder}`)).put(artifact(value));
  const complete = async (model: string, run: string, digest: string, over: Partial<Payload<'RunCompleted'>> & { champion?: string } = {}): Promise<void> => {
    const { champion, ...rest } = over;
    const report = { challenger: { logLoss: 0.41 }, champion: champion ? { digest: champion, logLoss: 0.42 } : null, baseRate: { logLoss: 0.45 }, holdout: { from: 0, to: 1, rows: 400 }, fit: { rows: 1600 } };
    await services.publish('RunCompleted', model, {
      run, plan: model, model, featureSet: 'lateness', featureSetVersion: 1, asOf: at, causeJson: '{"kind":"plan","id":"late","reason":"first"}', author: 'dev',
      artifactDigest: digest, artifactSize: 100, trainingSetDigest: 'set', codeDigest: 'code', parametersJson: '{"trees":1}', signatureJson: '{"inputs":[{"name":"features"}]}',
      exampleJson: '{"distance":300}', reportJson: JSON.stringify(report), cardJson: '{}', fitUntil: at - 1,
      profile: { bucket: 86_400_000_000, from: at - 3_628_800_000_000, to: at, series: [{ name: 'outcome', origin: 'outcome', edges: [], categories: ['0', '1'], buckets: [] }] },
      ...rest,
    });
    await services.settle();
  };
  const versions = async (model: string): Promise<registry.ModelVersion[]> => (await call(as('aud'), 'listVersions', { model }, soon)).versions;
  const promotionsOf = (model: string): Payload<'ModelVersionPromoted'>[] => services.published('ModelVersionPromoted').filter((promoted) => promoted.model === model);
  const failure = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, (error: unknown) => error);

  it('registers a run, waits for an approver, and promotes in the approval', async () => {
    await apply('late');
    const digest = await store(0.1);
    await complete('late', 'run-1', digest);
    const { versions: pending } = await call(as('reviewer'), 'listPendingApprovals', {}, soon);
    expect(pending).toMatchObject([{ model: 'late', version: 1, digest, state: 'awaiting_approval', author: 'dev', gates: [{ passed: true }, { gate: 'beats the base rate', passed: true }] }]);
    expect(services.published('ModelVersionRegistered')).toMatchObject([{ model: 'late', version: 1, asOf: at, profile: { to: at } }]);
    expect(promotionsOf('late')).toEqual([]);

    const { version } = await call(as('reviewer'), 'approveVersion', { model: 'late', version: 1, digest, comment: 'looked at it' }, soon);
    expect(version).toMatchObject({ state: 'champion', approvedBy: 'reviewer', promotedAt: at });
    await services.settle();
    expect(promotionsOf('late')).toMatchObject([{ version: 1, digest, replaces: 0, replacesDigest: '', revision: 1, by: 'reviewer', fitUntil: at - 1 }]);
    expect((await call(as('serving'), 'listChampions', {}, soon)).champions).toMatchObject([{ model: 'late', version: 1, revision: 1 }]);
  });

  it('keeps the author, a wrong digest and a role that may not from approving', async () => {
    await apply('guarded');
    const digest = await store(0.2);
    await complete('guarded', 'run-1', digest, { author: 'admin' });
    const request = { model: 'guarded', version: 1, digest, comment: '' };
    expect(await failure(call(as('admin'), 'approveVersion', request, soon))).toMatchObject({ code: 'forbidden' });
    expect(await failure(call(as('dev'), 'approveVersion', request, soon))).toMatchObject({ code: 'forbidden' });
    expect(await failure(call(as('reviewer'), 'approveVersion', { ...request, digest: 'other' }, soon))).toMatchObject({ code: 'conflict' });
    expect((await call(as('reviewer'), 'rejectVersion', { model: 'guarded', version: 1, digest, reason: 'not now' }, soon)).version).toMatchObject({ state: 'rejected', rejectedBy: 'reviewer', reason: 'not now' });
  });

  it('names every unmet gate with its values to whoever promotes all the same', async () => {
    await apply('unmet', { gates: [{ name: 'more rows', rule: 'holdout.rows >= 1000' }, { name: 'sharp', rule: 'challenger.logLoss < 0.3' }] });
    await complete('unmet', 'run-1', await store(0.3));
    const error = await failure(call(as('oper'), 'promoteVersion', { model: 'unmet', version: 1, expectedRevision: 0, despiteRollback: false, reason: '' }, soon));
    expect(error).toMatchObject({ code: 'gate_not_met', message: expect.stringContaining('holdout.rows = 400') });
    expect(error).toMatchObject({ details: { problems: [{ field: 'more rows' }, { field: 'sharp' }, { field: 'approval' }] } });
  });

  it('refuses a run without signature, with an unknown artifact or with bytes that are no model', async () => {
    await apply('poor');
    await complete('poor', 'run-1', await store(0.4), { signatureJson: '' });
    await complete('poor', 'run-2', 'f'.repeat(64));
    await complete('poor', 'run-3', await (await openBlobs(`file:${folder}`)).put(new TextEncoder().encode('no model')));
    expect(await versions('poor')).toEqual([]);
    const refused = await services.database('registry').query<{ outcome: string }>(`SELECT outcome FROM decision WHERE action = 'refuse' AND inputs LIKE '%run-%' ORDER BY subject`);
    expect(refused.map(({ outcome }) => outcome)).toEqual([expect.stringContaining('no signature'), expect.stringContaining('not in the blob store'), expect.stringContaining('no model that may be loaded')]);
  });

  it('leaves one champion at every read while fifty promote at once', async () => {
    await apply('raced', { approval: 'none' });
    const digests = await Promise.all([0.5, 0.6].map(store));
    await complete('raced', 'run-1', digests[0]);
    await complete('raced', 'run-2', digests[1], { champion: digests[0] });
    expect((await versions('raced')).map(({ state }) => state)).toEqual(['retired', 'champion']);

    const seen = new Set<string>();
    let reading = true;
    const readers = [1, 2, 3].map(async () => {
      while (reading) {
        const [row] = await services.database('registry').query<{ champions: string; alias: string }>(
          `SELECT (SELECT count(*) FROM model_version v WHERE v.model = 'raced' AND v.state = 'champion' AND v.version = m.champion) AS champions,
             (SELECT count(*) FROM model_version v WHERE v.model = 'raced' AND v.state = 'champion') AS alias FROM model m WHERE m.name = 'raced'`);
        seen.add(`${row.champions}/${row.alias}`);
      }
    });
    // Half of them know the revision, half take whatever it is: to and fro between the two versions.
    const oper = as('oper');
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) =>
      call(oper, 'promoteVersion', { model: 'raced', version: 1 + (index % 2), expectedRevision: index < 25 ? 2 : 0, despiteRollback: false, reason: '' }, soon)
        .then(({ revision }) => `won ${revision}`, (error: { code: string; details: { reason?: string } }) => error.details.reason ?? error.code)));
    reading = false;
    await Promise.all(readers);

    expect([...seen]).toEqual(['1/1']);
    const won = outcomes.filter((outcome) => outcome.startsWith('won')).map((outcome) => Number(outcome.slice(4))).sort((a, b) => a - b);
    expect(won.length).toBeGreaterThan(0);
    expect(won).toEqual(won.map((_, index) => index + 3));
    expect(outcomes.filter((outcome) => !outcome.startsWith('won')).every((outcome) => outcome === 'RACE_LOST' || outcome === 'conflict')).toBe(true);
    expect(outcomes).toContain('RACE_LOST');
    await services.settle();
    const revisions = promotionsOf('raced').map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.map((_, index) => index + 1));
  });

  it('tells why a version is what it is', async () => {
    const operations = connect(runtime.OperationsServiceClient, services.grpc, services.token('aud'));
    open.push(operations);
    const answer = await eventually('the explanation', () => call(operations, 'explain', { service: 'registry', kind: 'version', id: 'late/1' }, soon));
    expect(answer).toMatchObject({ found: true, title: 'Version late/1 is champion', causes: [{ service: 'training', kind: 'run', id: 'run-1' }] });
    expect(answer.lines.join('\n')).toContain('approved by reviewer: looked at it');
    expect((await call(operations, 'getSummary', { service: 'registry' }, soon)).counts).toMatchObject({ versions: 5 });
  });
});
