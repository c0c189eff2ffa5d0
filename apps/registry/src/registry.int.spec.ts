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
    expect(outcomes.filter((outcome) => !outcome.startsWith('won')).every((outcome) => outcome === 'RACE_LOST' || outcome === 'CHAMPION')).toBe(true);
    expect(outcomes).toContain('RACE_LOST');
    await services.settle();
    const revisions = promotionsOf('raced').map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.map((_, index) => index + 1));
  });

  describe('after a promotion', () => {
    const first = 'went';
    let digests: string[];
    const shifted = (over: Partial<Payload<'TrafficShifted'>>): Promise<void> => services.publish('TrafficShifted', 'gates', {
      deployment: 'gates', model: first, version: 1, digest: digests[0], replaces: 0, revision: 1, shiftedAt: at, stage: 'live', candidate: 0, candidateDigest: '', share: 0, reason: '', ...over,
    });
    const rolledBack = (over: Partial<Payload<'TrafficRolledBack'>> = {}): Promise<void> => services.publish('TrafficRolledBack', 'gates', {
      deployment: 'gates', model: first, version: 2, digest: digests[1], live: 1, liveDigest: digests[0], by: 'guard', reason: 'errors 0.2 > 0.1', revision: 3, promotion: 2, rolledBackAt: at, ...over,
    });
    const slices = [{ field: 'origin', value: 'DEN', rows: 300, logLoss: 0.5, difference: { mean: 0.02, low: 0.01, high: 0.03 } }];

    beforeAll(async () => {
      await apply(first, { approval: 'none' });
      digests = await Promise.all([0.71, 0.72, 0.73].map(store));
      await complete(first, 'went-1', digests[0]);
      const report = { challenger: { logLoss: 0.41, calibration: { error: 0.02, low: 0.01, high: 0.04 } }, champion: { digest: digests[0], logLoss: 0.42 }, baseRate: { logLoss: 0.45 }, slices, holdout: { from: 0, to: 1, rows: 400 }, fit: { rows: 1600 } };
      await complete(first, 'went-2', digests[1], { reportJson: JSON.stringify(report) });
      await shifted({});
      await shifted({ stage: 'canary', candidate: 2, candidateDigest: digests[1], share: 0.1, revision: 2 });
      await services.settle();
    });

    it('knows where the versions answer, as serving said', async () => {
      const places = async (): Promise<unknown[]> => (await versions(first)).map(({ live }) => live);
      expect(await places()).toEqual([[{ deployment: 'gates', role: 'live', share: 0.9, since: at }], [{ deployment: 'gates', role: 'canary', share: 0.1, since: at }]]);
      await shifted({ revision: 1 });
      await services.settle();
      expect((await places())[1]).toHaveLength(1);
    });

    it('lets the alias follow a rollback once, on record, and says so', async () => {
      await rolledBack();
      await rolledBack({ deployment: 'other' });
      await shifted({ stage: 'rolled_back', revision: 3, reason: 'errors 0.2 > 0.1' });
      await services.settle();
      expect(await versions(first)).toMatchObject([
        { state: 'champion', live: [{ role: 'live', share: 1, since: at }] }, { state: 'rolled_back', stateBy: 'guard', stateReason: 'errors 0.2 > 0.1', stateAt: at, live: [] },
      ]);
      expect(promotionsOf(first)).toMatchObject([{ version: 1, kind: 'promotion' }, { version: 2, kind: 'promotion' }, { version: 1, kind: 'rollback', reason: 'errors 0.2 > 0.1', revision: 3, by: 'guard', replaces: 2 }]);
      expect(promotionsOf(first)).toHaveLength(3);
      const decided = await services.database('registry').query<{ outcome: string }>(`SELECT outcome FROM decision WHERE action = 'roll-back' ORDER BY sequence`);
      expect(decided.map(({ outcome }) => JSON.parse(outcome) as object)).toEqual([
        { state: 'rolled_back', champion: 1, revision: 3, moved: true }, { state: 'rolled_back', champion: 1, revision: 3, moved: false },
      ]);
      expect((await call(as('serving'), 'listChampions', {}, soon)).champions.find(({ model }) => model === first)).toMatchObject({ version: 1, revision: 3, kind: 'rollback' });
    });

    it('does not promote what was rolled back, unless a person says so with a reason', async () => {
      const again = { model: first, version: 2, expectedRevision: 0, despiteRollback: false, reason: '' };
      expect(await failure(call(as('oper'), 'promoteVersion', again, soon))).toMatchObject({ code: 'gate_not_met', details: { problems: [{ field: 'rolled back' }] } });
      expect(await failure(call(as('oper'), 'promoteVersion', { ...again, despiteRollback: true }, soon))).toMatchObject({ code: 'invalid', details: { field: 'reason' } });
      expect(await call(as('oper'), 'promoteVersion', { ...again, despiteRollback: true, reason: 'the guard was wrong' }, soon)).toMatchObject({ revision: 4, version: { state: 'champion' } });
      await rolledBack({ promotion: 4 });
      await services.settle();
      expect((await versions(first)).map(({ state }) => state)).toEqual(['champion', 'rolled_back']);
    });

    it('keeps each judgement with its version', async () => {
      const judged = { monitor: 'gates', deployment: 'gates', model: first, version: 2, replaced: 1, verdict: 'hurt', difference: 0.02, low: 0.01, high: 0.03, rows: 500, judgedAt: at };
      await services.publish('PromotionJudged', 'gates', judged);
      await services.publish('PromotionJudged', 'gates', { ...judged, judgedAt: at + 1, verdict: 'unclear', low: -0.01 });
      await services.settle();
      expect((await versions(first))[1].judgements).toMatchObject([{ verdict: 'hurt', rows: 500, judgedAt: at }, { verdict: 'unclear', judgedAt: at + 1 }]);
    });

    it('takes a version out of use and back, on record, and never the champion', async () => {
      const oper = as('oper');
      const statement = { model: first, version: 2, reason: 'it will not be used' };
      expect(await failure(call(as('aud'), 'deprecateVersion', statement, soon))).toMatchObject({ code: 'forbidden' });
      expect(await failure(call(oper, 'deprecateVersion', { ...statement, version: 1 }, soon))).toMatchObject({ code: 'conflict', details: { reason: 'CHAMPION' } });
      expect(await failure(call(oper, 'deprecateVersion', { ...statement, reason: '' }, soon))).toMatchObject({ code: 'invalid', details: { field: 'reason' } });
      expect(await failure(call(oper, 'deprecateVersion', { ...statement, model: 'nobody' }, soon))).toMatchObject({ code: 'not_found', details: { field: 'model', expected: 'a model that was applied', got: 'nobody', hint: 'rhei models list shows them; a resource of kind Model makes one' } });
      expect(await failure(call(oper, 'restoreVersion', statement, soon))).toMatchObject({ code: 'conflict', details: { reason: 'NOT_DEPRECATED' } });
      expect((await call(oper, 'deprecateVersion', statement, soon)).version).toMatchObject({ state: 'deprecated', stateBy: 'oper', stateReason: 'it will not be used', stateAt: at });
      expect(await failure(call(oper, 'promoteVersion', { ...statement, expectedRevision: 0, despiteRollback: true }, soon))).toMatchObject({ code: 'gate_not_met', details: { problems: [{ field: 'deprecated' }] } });
      expect((await call(oper, 'restoreVersion', statement, soon)).version).toMatchObject({ state: 'rolled_back', stateBy: 'guard' });
      const decided = await services.database('registry').query<{ action: string }>(`SELECT action FROM decision WHERE action IN ('deprecate', 'restore') ORDER BY sequence`);
      expect(decided.map(({ action }) => action)).toEqual(['deprecate', 'restore']);
    });

    it('writes the card and the data sheet, the same bytes each time, by both doors', async () => {
      const aud = as('aud');
      const named = { model: first, version: 2 };
      const card = await call(aud, 'getModelCard', named, soon);
      expect(card.markdown).toContain('# Model card of went 2');
      expect(card.markdown).toContain('Where origin is DEN (300 rows) it is worse than the champion: 0.0200 (0.0100 to 0.0300)');
      expect(JSON.parse(card.json)).toMatchObject({
        state: { is: 'rolled_back', by: 'guard' }, rollbacks: [{ from: 2, to: 1, reason: 'errors 0.2 > 0.1' }, { revision: 5 }], helped: [{ verdict: 'hurt' }, { verdict: 'unclear' }],
        promotions: [{ revision: 2, by: 'registry' }, { revision: 4, reason: 'the guard was wrong' }],
      });
      expect(await call(aud, 'getModelCard', named, soon)).toEqual(card);
      const sheet = await call(aud, 'getDataSheet', named, soon);
      expect(JSON.parse(sheet.json)).toMatchObject({ trainingSet: 'set', profile: { series: [{ name: 'outcome', values: 0, missing: null }] }, missing: expect.arrayContaining(['how many rows the set has', 'a search for leaks']) });
      const get = (path: string, accept?: string, token = services.token('aud')): Promise<Response> => fetch(`${services.http}/registry/models/${path}`, { headers: { authorization: `Bearer ${token}`, ...(accept && { accept }) } });
      const page = await get(`${first}/versions/2/card`, 'text/markdown');
      expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([200, 'text/markdown; charset=utf-8', card.markdown]);
      const json = await get(`${first}/versions/2/data-sheet`, 'application/json');
      expect([json.headers.get('content-type'), await json.text()]).toEqual(['application/json; charset=utf-8', sheet.json]);
      expect((await get(`${first}/versions/2/card`)).headers.get('content-type')).toContain('application/json');
      expect((await get(`${first}/versions/2/card`, 'image/png')).status).toBe(400);
      expect((await get(`${first}/versions/two/card`)).status).toBe(400);
      expect((await get(`${first}/versions/9/card`)).status).toBe(404);
      expect((await get(`nobody/versions/1/data-sheet`)).status).toBe(404);
      expect((await get(`${first}/versions/2/card`, undefined, services.token('gate'))).status).toBe(403);
      expect(await failure(call(aud, 'getModelCard', { model: first, version: 0 }, soon))).toMatchObject({ code: 'not_found' });
      expect(await failure(call(aud, 'getDataSheet', { model: '', version: 1 }, soon))).toMatchObject({ code: 'not_found' });
    });

    it('says in the list how many versions there are and since when the champion is', async () => {
      const { models } = await call(as('aud'), 'listModels', {}, soon);
      expect(models.find(({ name }) => name === first)).toMatchObject({ champion: 1, versions: 2, awaitingApproval: 0, approval: 'none', championSince: at });
    });
  });

  it('tells why a version is what it is', async () => {
    const operations = connect(runtime.OperationsServiceClient, services.grpc, services.token('aud'));
    open.push(operations);
    const answer = await eventually('the explanation', () => call(operations, 'explain', { service: 'registry', kind: 'version', id: 'late/1' }, soon));
    expect(answer).toMatchObject({ found: true, title: 'Version late/1 is champion', causes: [{ service: 'training', kind: 'run', id: 'run-1' }] });
    expect(answer.lines.join('\n')).toContain('approved by reviewer: looked at it');
    expect((await call(operations, 'getSummary', { service: 'registry' }, soon)).counts).toMatchObject({ versions: 7 });
  });
});
