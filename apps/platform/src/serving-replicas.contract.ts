import { events, inference, registry, runtime, serving } from '@rhei/contracts';
import type { Environment, Running } from '@rhei/runtime';
import { eventually } from '@rhei/testing';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { replicaOf, ServiceProcess, startReplica } from '../spec/replica';
import { caller, exampleResources, inferRequest, question, scene } from '../spec/scene';

type Scene = Awaited<ReturnType<typeof scene>>;
const minute = 60_000_000;

/** A blob store that lacks what was not copied into it: a replica that cannot load a version yet. */
class PartialBlobs {
  readonly folder = mkdtempSync(join(tmpdir(), 'rhei-partial-'));
  readonly url = `file:${this.folder}`;

  constructor(private readonly whole: string) {}

  has(digest: string): void {
    const place = join(digest.slice(0, 2), digest);
    mkdirSync(join(this.folder, dirname(place)), { recursive: true });
    copyFileSync(join(this.whole.slice('file:'.length), place), join(this.folder, place));
  }
}

// A killed one is waited for until its lease ends, and on Kafka groups take a moment to form.
jest.setTimeout(120_000);

/**
 * What holds for several replicas of serving on one database, whatever carries their events. `open` gives a fresh log;
 * `brief` leaves out what the log has no part in.
 */
export const servingReplicasContract = (open: () => Promise<{ env: Environment; close(): Promise<void> }>, { brief = false } = {}): void => {
  let log: { env: Environment; close(): Promise<void> };
  let it_: Scene;
  let digests: string[];
  const others: Running[] = [];
  const processes: ServiceProcess[] = [];
  const callers: ReturnType<typeof caller>[] = [];
  const folders: PartialBlobs[] = [];

  const on = (grpc: string): ReturnType<typeof caller> => {
    const made = caller({ ...it_.running, grpc });
    callers.push(made);
    return made;
  };
  const partialBlobs = (...known: string[]): PartialBlobs => {
    const made = new PartialBlobs(it_.running.env.BLOBS!);
    folders.push(made);
    known.forEach((digest) => made.has(digest));
    return made;
  };
  const second = async (env = {}): Promise<Running> => {
    const made = await startReplica(it_.running, env);
    others.push(made);
    return made;
  };
  const secondProcess = async (env = {}): Promise<ServiceProcess> => {
    const made = await ServiceProcess.start('serving', replicaOf(it_.running, env));
    processes.push(made);
    await made.ready();
    return made;
  };
  const approve = (version: number) =>
    it_.call.call(registry.RegistryServiceClient, 'approveVersion', { model: 'flight-late', version, digest: digests[version - 1], comment: '' }, { as: 'reviewer' });
  /** All that serving has said of its traffic, in this order. */
  const said = async (): Promise<serving.TrafficShifted[]> => {
    const { type, codec } = events.TrafficShifted;
    const rows = await it_.running.database('serving').query<{ payload: Uint8Array }>(`SELECT payload FROM outbox WHERE headers ->> 'ce_type' = $1 ORDER BY id`, [type]);
    return rows.map(({ payload }) => codec.decode(payload));
  };
  const shifted = async () => (await said()).map(({ version }) => version);
  const deployment = async (asked = it_.call) => ((await asked.call(serving.ServingServiceClient, 'listDeployments', {})) as serving.ListDeploymentsResponse).deployments[0];
  const versionOn = async (grpc: string, id = '') =>
    Number(((await on(grpc).call(inference.GRPCInferenceServiceClient, 'modelInfer', inferRequest(question, id), { as: 'gate' })) as inference.ModelInferResponse).modelVersion);
  const inFlight = async () => ((await it_.call.call(runtime.ReplayControlClient, 'getProgress', { service: 'serving' })) as runtime.GetProgressResponse).inFlight;
  const decisions = (action: string) => it_.running.database('serving').query<{ subject: string }>('SELECT subject FROM decision WHERE action = $1', [action]);

  beforeEach(async () => {
    log = await open();
    it_ = await scene({ env: log.env });
    digests = [await it_.register(0)];
    await approve(1);
    await it_.running.settle();
    expect(await shifted()).toEqual([1]);
    digests.push(await it_.register(1.5, { champion: { digest: digests[0], logLoss: 0.4 } }));
  });
  afterEach(async () => {
    callers.splice(0).forEach((one) => one.close());
    processes.splice(0).forEach((one) => one.kill());
    await Promise.all(others.splice(0).map((one) => one.stop()));
    await it_.stop();
    await log.close();
    folders.splice(0).forEach(({ folder }) => rmSync(folder, { recursive: true, force: true }));
  });

  it('says once that traffic has shifted, when both have switched; one that joins needs no event', async () => {
    const blobs = partialBlobs(digests[0]);
    const other = await second({ BLOBS: blobs.url });
    expect(await versionOn(other.grpc)).toBe(1);
    await it_.running.settle();
    expect(await shifted()).toEqual([1]);

    await approve(2);
    await eventually('the first answers with version 2', async () => (await versionOn(it_.running.grpc)) === 2);
    await pause(700);
    expect([await versionOn(other.grpc), await shifted(), await inFlight()]).toEqual([1, [1], { 'switches of traffic': 1 }]);
    expect(await deployment()).toMatchObject({ liveVersion: 1, desiredRevision: 2_000, appliedRevision: 1_000 });

    blobs.has(digests[1]);
    await it_.running.settle();
    expect([await versionOn(other.grpc), await shifted(), await inFlight()]).toEqual([2, [1, 2], {}]);
    expect(await deployment(on(other.grpc))).toMatchObject({ liveVersion: 2, desiredRevision: 2_000, appliedRevision: 2_000 });
    expect(await decisions('shift-traffic')).toHaveLength(2);
    await pause(700);
    expect(await shifted()).toEqual([1, 2]);
  });

  it('does not wait for one that is killed during the switch, nor does the clock', async () => {
    const other = await secondProcess({ BLOBS: partialBlobs(digests[0]).url });
    expect(await versionOn(other.grpc)).toBe(1);
    await approve(2);
    await eventually('the first answers with version 2', async () => (await versionOn(it_.running.grpc)) === 2);
    expect(await shifted()).toEqual([1]);
    other.kill();
    await other.ended;
    const killed = performance.now();
    await it_.running.settle();
    expect(await shifted()).toEqual([1, 2]);
    // Its lease ends, and on Kafka the partitions that it held are given to another: both within seconds.
    expect(performance.now() - killed).toBeLessThan(30_000);
    expect(await deployment()).toMatchObject({ liveVersion: 2, appliedRevision: 2_000 });
    expect(await decisions('shift-traffic')).toHaveLength(2);
  });

  it('learn of a changed feature set and of a new deployment together', async () => {
    const other = await second();
    const resources = exampleResources((kind, spec) => {
      if (kind === 'FeatureSet') return { ...spec, request: { ...(spec.request as object), gate: 'string' } };
      const scheduled = (spec.events as Record<string, { schema: { properties: object } }> | undefined)?.['flight.scheduled'];
      if (kind === 'Source') Object.assign(scheduled!.schema.properties, { gate: { type: 'string' } });
      return spec;
    });
    resources.push({ kind: 'Deployment', name: 'arrivals', specJson: JSON.stringify({ model: 'flight-late', featureSet: 'flight-lateness' }), version: 0 });
    for (const service of ['ingestion', 'feature', 'serving']) await it_.call.call(runtime.ResourceServiceClient, 'applyResources', { service, resources });
    await it_.running.settle();
    for (const { grpc } of [it_.running, other]) {
      const ask = (modelName: string, fields: Record<string, string | number>) =>
        on(grpc).call(inference.GRPCInferenceServiceClient, 'modelInfer', { ...inferRequest(fields), modelName }, { as: 'admin' });
      await ask('departures', { ...question, gate: 'A1' });
      await ask('arrivals', { ...question, gate: 'A1' });
      await expect(ask('departures', question)).rejects.toThrow(/gate/);
    }
    expect((await said()).map(({ deployment: name, version }) => `${name} ${version}`)).toEqual(['departures 1', 'arrivals 1']);
  });

  if (brief) return;

  it('moves the clock of both, and ends the move when the lease of a killed one does', async () => {
    const other = await secondProcess();
    const askedAt = async (grpc: string, id: string) => {
      const answer = (await on(grpc).call(inference.GRPCInferenceServiceClient, 'modelInfer', inferRequest(question, id), { as: 'gate' })) as inference.ModelInferResponse;
      return (answer.parameters['as_of'].parameterChoice as { value: number }).value;
    };
    for (let step = 0; step < 3; step += 1) {
      const time = it_.running.now() + minute;
      await it_.running.setTime(time);
      expect([await askedAt(other.grpc, `b${step}`), await askedAt(it_.running.grpc, `a${step}`)]).toEqual([time, time]);
    }
    other.kill();
    await other.ended;
    const killed = performance.now();
    await it_.running.setTime(it_.running.now() + minute);
    await it_.running.settle();
    const took = performance.now() - killed;
    expect(took).toBeGreaterThan(1_000);
    expect(took).toBeLessThan(10_000);
    await it_.running.setTime(it_.running.now() + minute);
    expect(performance.now() - killed - took).toBeLessThan(1_000);
  });

  it('go on without one that is stopped, which takes the new version when it wakes up', async () => {
    const other = await secondProcess();
    other.kill('SIGSTOP');
    await approve(2);
    await it_.running.settle();
    expect([await versionOn(it_.running.grpc), await shifted()]).toEqual([2, [1, 2]]);
    await it_.running.setTime(it_.running.now() + minute);
    other.kill('SIGCONT');
    await eventually('it answers with version 2', async () => (await versionOn(other.grpc).catch(() => 0)) === 2, 20_000);
    await it_.running.settle();
    expect(await shifted()).toEqual([1, 2]);
    await it_.running.setTime(it_.running.now() + minute);
    expect(await versionOn(other.grpc, 'awake')).toBe(2);
    const [row] = await it_.running.database('serving').query<{ asOf: number }>(`SELECT as_of AS "asOf" FROM prediction WHERE id = 'awake'`);
    expect(row.asOf).toBe(it_.running.now());
  });

  it('lets one that joins during a switch take the new version before it is ready', async () => {
    const blobs = partialBlobs(digests[0]);
    await second({ BLOBS: blobs.url });
    await approve(2);
    await eventually('the first answers with version 2', async () => (await versionOn(it_.running.grpc)) === 2);
    const third = await second();
    expect([await versionOn(third.grpc), await shifted()]).toEqual([2, [1]]);
    blobs.has(digests[1]);
    await it_.running.settle();
    expect(await shifted()).toEqual([1, 2]);
  });

  it('try a candidate together: each question is scored once by both versions, although one replica is killed, and both go back', async () => {
    const rollout = [{ stage: 'shadow', for: '1d' }];
    await it_.call.call(runtime.ResourceServiceClient, 'applyResources', { service: 'serving', resources: exampleResources((kind, spec) => (kind === 'Deployment' ? { ...spec, rollout } : spec)) });
    const killed = await secondProcess();
    const other = await second();
    await approve(2);
    await it_.running.settle();
    expect((await said()).map(({ stage, version, candidate }) => [stage, version, candidate]).at(-1)).toEqual(['shadow', 1, 2]);
    for (let asked = 0; asked < 20; asked += 1) expect(await versionOn(asked < 15 && asked % 3 === 0 ? killed.grpc : asked % 3 === 1 ? other.grpc : it_.running.grpc, `s${asked}`)).toBe(1);
    killed.kill();
    await killed.ended;
    await it_.running.settle();
    const rows = await it_.running.database('serving').query<{ version: number; role: string; count: number }>('SELECT version, role, count(*) AS count FROM prediction GROUP BY 1, 2 ORDER BY 1');
    expect(rows).toEqual([{ version: 1, role: 'live', count: 20 }, { version: 2, role: 'shadow', count: 20 }]);
    await it_.call.call(serving.ServingServiceClient, 'rollback', { deployment: 'departures', reason: 'a test', version: 2, to: 0 }, { as: 'oper' });
    await it_.running.settle();
    expect((await said()).map(({ stage, version, candidate }) => [stage, version, candidate]).at(-1)).toEqual(['rolled_back', 1, 0]);
    expect(await deployment(on(other.grpc))).toMatchObject({ liveVersion: 1, candidate: 0, appliedRevision: 2_001, desiredRevision: 2_001 });
  });

  it('end the rollout of a candidate that must not be served, once, and go on with what answers', async () => {
    const rollout = [{ stage: 'canary', for: '1d', share: 0.5 }];
    await it_.call.call(runtime.ResourceServiceClient, 'applyResources', { service: 'serving', resources: exampleResources((kind, spec) => (kind === 'Deployment' ? { ...spec, rollout } : spec)) });
    const other = await second();
    const file = join(it_.running.env.BLOBS!.slice('file:'.length), digests[1].slice(0, 2), digests[1]);
    const changed = readFileSync(file);
    changed[changed.length >> 1] ^= 1;
    writeFileSync(file, changed);
    await approve(2);
    await it_.running.settle();
    expect([await versionOn(it_.running.grpc), await versionOn(other.grpc), await decisions('refuse-traffic'), await decisions('roll-back')]).toEqual([1, 1, [{ subject: 'deployment/departures' }], [{ subject: 'deployment/departures' }]]);
    expect((await said()).map(({ stage, version, candidate }) => [stage, version, candidate])).toEqual([['live', 1, 0], ['rolled_back', 1, 0]]);
    expect(await inFlight()).toEqual({});
  });

  it('refuses once for both what must not be served', async () => {
    const other = await second();
    const file = join(it_.running.env.BLOBS!.slice('file:'.length), digests[1].slice(0, 2), digests[1]);
    const changed = readFileSync(file);
    changed[changed.length >> 1] ^= 1;
    writeFileSync(file, changed);
    await approve(2);
    await it_.running.settle();
    expect([await versionOn(it_.running.grpc), await versionOn(other.grpc), await shifted()]).toEqual([1, 1, [1]]);
    expect(await decisions('refuse-traffic')).toEqual([{ subject: 'deployment/departures' }]);
  });
};
