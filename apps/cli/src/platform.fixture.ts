import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status as Grpc, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { inference, ingestion, monitoring, registry, RheiError, runtime, serving, training } from '@rhei/contracts';
import { canonicalJson, sha256 } from '@rhei/expressions';
import { GENESIS, linkHash, statusOf } from '@rhei/runtime';
import { PassThrough } from 'node:stream';
import { run } from './run';

/** The doors of the services, as far as these tests look: what stands behind them is a few plain values. */
export class FakePlatform {
  resources = new Map<string, runtime.Resource>();
  notReady = new Set<string>();
  causes: Record<string, { title: string; lines?: string[]; causes?: runtime.Reference[] }> = {};
  decisions: runtime.Decision[] = [];
  version: registry.ModelVersion = {
    model: 'late', version: 2, digest: 'd'.repeat(64), run: 'r1', author: 'training', state: 'awaiting_approval', approvedBy: '', rejectedBy: '', reason: '', registeredAt: 5e14, promotedAt: 0,
    gates: [{ gate: 'beats the base rate', passed: true, inputsJson: '{"challenger.logLoss":0.41}', reason: '', rule: 'challenger.logLoss < baseRate.logLoss' }], causeJson: '{"kind":"drift","reason":"distance moved"}',
    reportJson: '{"challenger":{"logLoss":0.41},"champion":{"logLoss":0.5},"holdout":{"rows":120}}', signatureJson: '{}', trainingSetDigest: 't'.repeat(64),
    stateBy: '', stateReason: '', stateAt: 0, judgements: [], live: [],
  };
  models: registry.Model[] = [{ name: 'late', owner: 'team', purpose: 'tell', riskTier: 'limited', approval: 'required', champion: 1, championSince: 5e14, revision: 3, versions: 2, awaitingApproval: 1 }];
  deployments: serving.Deployment[] = [{
    name: 'departures', model: 'late', featureSet: 'set', ledger: 'sync', liveVersion: 1, liveDigest: 'a', liveSince: 5e14, desiredRevision: 4, appliedRevision: 4, predictions: 100,
    stage: 'canary', candidate: 2, candidateDigest: 'd', share: 0.1, stageSince: 6e14, versionBefore: 0, shadows: [{ version: 1, digest: 'a', why: 'benchmark', until: 0 }], figuresJson: '', figuresAt: 0, shiftedRevision: 4, lossWindow: 0, underWay: true,
  }];
  /** Further methods of serving, set before the start. */
  serving: Parameters<FakePlatform['add']>[1] = {};
  monitors: monitoring.Monitor[] = [];
  runs: training.Run[] = [];
  quarantined: ingestion.QuarantinedEvent[] = [];
  /** Methods that do not answer, by name. */
  away = new Set<string>();
  private readonly server = new Server();
  port = 0;

  async start(): Promise<void> {
    this.add(runtime.OperationsServiceService, {
      getStatus: ({ service }: runtime.GetStatusRequest): runtime.GetStatusResponse => ({
        service, ready: !this.notReady.has(service), notReadyBecause: this.notReady.has(service) ? 'its database is away' : '', time: 983_404_800_000_000, unsent: 1, lag: 2,
        parked: service === 'feature' ? [{ subscription: 'RecordAccepted', key: '1', waiting: 3 }] : [], deadLetters: [], figures: service === 'ingestion' ? { quarantined: 60, records: 9_981 } : {},
      }),
      // Pages of two, fewer than are asked for: a service may hand out less.
      listDecisions: ({ service, after, subject }: runtime.ListDecisionsRequest) =>
        ({ decisions: service === 'registry' ? this.decisions.filter((one) => one.sequence > after && (subject === '' || one.subject === subject)).slice(0, 2) : [] }),
      explain: ({ service, kind, id }: runtime.ExplainRequest): runtime.ExplainResponse => {
        const known = this.causes[`${service}/${kind}/${id}`];
        return { found: known !== undefined, title: known?.title ?? '', lines: known?.lines ?? [], causes: known?.causes ?? [], traceparents: [], traced: true };
      },
    });
    this.add(runtime.ResourceServiceService, {
      checkResources: ({ service, resources }: runtime.CheckResourcesRequest) => this.check(service, resources),
      applyResources: ({ service, resources }: runtime.ApplyResourcesRequest) => {
        const { changes } = this.check(service, resources);
        for (const resource of resources) if (ownerOf(resource) === service) this.resources.set(`${resource.kind}/${resource.name}`, { ...resource, version: 1 });
        return { changes };
      },
      listResources: ({ service }: runtime.ListResourcesRequest) => ({ resources: [...this.resources.values()].filter((resource) => ownerOf(resource) === service) }),
    });
    // On the system clock there is nothing to steer.
    this.add(runtime.ReplayControlService, { getProgress: () => { throw new RheiError('not_found', 'There is no clock to move.'); } });
    this.add(ingestion.IngestionServiceService, { listQuarantine: () => ({ events: this.quarantined, total: this.quarantined.length }) });
    this.add(training.TrainingServiceService, {
      listRuns: ({ plan, state, limit }: training.ListRunsRequest) => {
        const those = this.runs.filter((run) => (plan === '' || run.plan === plan) && (state === '' || run.state === state || (state === 'open' && ['waiting', 'running'].includes(run.state))));
        return { runs: those.toReversed().slice(0, limit || 50), total: those.length };
      },
    });
    this.add(serving.ServingServiceService, { listDeployments: () => ({ deployments: this.deployments }), ...this.serving });
    this.add(monitoring.MonitoringServiceService, { listMonitors: () => ({ monitors: this.monitors }), listWindows: () => ({ windows: [] }) });
    this.add(registry.RegistryServiceService, {
      listModels: () => ({ models: this.models }),
      listVersions: () => ({ versions: [this.version] }),
      getModelCard: ({ model, version }: registry.GetModelCardRequest) => ({ markdown: `# Model card of ${model} ${version}\n`, json: `{"model":"${model}"}` }),
      getDataSheet: ({ model, version }: registry.GetDataSheetRequest) => ({ markdown: `# Data sheet of ${model} ${version}\n`, json: `{"model":"${model}"}` }),
      promoteVersion: ({ despiteRollback, reason, expectedRevision }: registry.PromoteVersionRequest) => {
        if (this.version.state === 'rolled_back' && !despiteRollback) throw new RheiError('gate_not_met', 'Version late/2 was rolled back.');
        this.version = { ...this.version, state: 'champion', reason: `${reason}@${expectedRevision}` };
        return { version: this.version, revision: 4 };
      },
      deprecateVersion: ({ reason }: registry.DeprecateVersionRequest) => {
        this.version = { ...this.version, state: 'deprecated', stateBy: 'oper', stateReason: reason, stateAt: 5e14 };
        return { version: this.version };
      },
      restoreVersion: () => ({ version: { ...this.version, state: 'retired' } }),
      approveVersion: ({ digest, comment }: registry.ApproveVersionRequest) => {
        if (digest !== this.version.digest) throw new RheiError('conflict', 'Version late/2 is another artifact.', { hint: 'look at it again' });
        this.version = { ...this.version, state: 'champion', approvedBy: 'reviewer', reason: comment };
        return { version: this.version };
      },
    });
    this.add(inference.GRPCInferenceServiceService, {
      modelMetadata: () => ({ name: 'departures', versions: ['2'], platform: 'onnx_onnxv1', inputs: [{ name: 'distance', datatype: 'FP64', shape: [-1] }], outputs: [] }),
      modelInfer: ({ id, inputs }: inference.ModelInferRequest): inference.ModelInferResponse => {
        const raw = Buffer.alloc(4);
        raw.writeFloatLE(inputs[0].contents!.fp64Contents[0] / 1_000);
        return {
          modelName: 'departures', modelVersion: '2', id, rawOutputContents: [raw], outputs: [{ name: 'probability', datatype: 'FP32', shape: [1], parameters: {}, contents: undefined }],
          parameters: {
            as_of: { parameterChoice: { $case: 'int64Param', value: 983_404_800_000_000 } },
            missing_features: { parameterChoice: { $case: 'stringParam', value: '[{"row":0,"name":"route_late","why":"expired"}]' } },
          },
        };
      },
    });
    this.port = await new Promise((resolve, reject) => this.server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error))));
  }

  stop(): void {
    this.server.forceShutdown();
  }

  decide(subject: string, action: string): void {
    const previousHash = this.decisions.at(-1)?.hash ?? GENESIS;
    const inputsJson = canonicalJson({ subject });
    const link = { sequence: this.decisions.length + 1, asOf: 1, writtenAt: 2, subject, action, by: 'ann', inputsJson, inputsDigest: sha256(inputsJson), outcomeJson: '{}', previousHash };
    this.decisions.push({ ...link, hash: linkHash(link) });
  }

  private check(service: string, resources: runtime.Resource[]): runtime.CheckResourcesResponse {
    const own = resources.filter((resource) => ownerOf(resource) === service);
    const problems = own.filter(({ specJson }) => specJson.includes('>>')).map(({ kind, name, specJson }) =>
      ({ kind, name, path: '/spec/rule', message: 'this cannot be read', expected: 'an operand', got: '>', hint: '', offset: (JSON.parse(specJson) as { rule: string }).rule.indexOf('>>') + 1 }));
    const changes = own.map(({ kind, name, specJson }): runtime.Change => {
      const known = this.resources.get(`${kind}/${name}`);
      const action = known === undefined ? runtime.Action.CREATE : known.specJson === specJson ? runtime.Action.NONE : runtime.Action.UPDATE;
      return { kind, name, action, version: 1, notes: action === runtime.Action.UPDATE ? ['compatible: it may be left out'] : [], fields: action === runtime.Action.UPDATE ? [{ path: '/spec', before: known!.specJson, after: specJson }] : [] };
    });
    return { problems, changes };
  }

  private add(definition: object, methods: Record<string, (request: never) => unknown>): void {
    const answer = (name: string, handle: (request: never) => unknown) => (call: ServerUnaryCall<never, unknown>, done: sendUnaryData<unknown>): void => {
      if (call.metadata.get('authorization')[0] !== 'Bearer good') return done(statusOf(new RheiError('unauthenticated', 'This token is not known here.')));
      try {
        if (this.away.has(name)) throw new RheiError('unavailable', 'Its database is away.');
        done(null, handle(call.request));
      } catch (error) {
        done(error instanceof RheiError ? statusOf(error) : { code: Grpc.INTERNAL, details: String(error) });
      }
    };
    this.server.addService(definition as never, Object.fromEntries(Object.entries(methods).map(([name, handle]) => [name, answer(name, handle)])) as UntypedServiceImplementation);
  }
}

const owners: Record<string, string> = { Source: 'ingestion', Deployment: 'serving', Monitor: 'monitoring', TrainingPlan: 'training' };
const ownerOf = ({ kind }: runtime.Resource): string => owners[kind] ?? 'registry';

/** Runs one command line against it; with `columns` on a terminal that is so wide. */
export async function rheiAt(platform: FakePlatform, { columns, env = {} }: { columns?: number; env?: Record<string, string> }, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const streams = { stdout: Object.assign(new PassThrough({ highWaterMark: 1e7 }), columns === undefined ? {} : { isTTY: true, columns }), stderr: new PassThrough(), stdin: new PassThrough() };
  const variables = { RHEI_URL: 'http://127.0.0.1:1', RHEI_GRPC: `127.0.0.1:${platform.port}`, RHEI_TOKEN: 'good', NO_COLOR: '1', ...env };
  const code = await run(args, { env: variables, ...streams } as unknown as Parameters<typeof run>[1]);
  return { code, out: String(streams.stdout.read() ?? ''), err: String(streams.stderr.read() ?? '') };
}

export const rheiOf = (platform: FakePlatform, ...args: string[]): ReturnType<typeof rheiAt> => rheiAt(platform, {}, ...args);
