import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status as Grpc, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { inference, registry, RheiError, runtime } from '@rhei/contracts';
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
  private readonly server = new Server();
  port = 0;

  async start(): Promise<void> {
    this.add(runtime.OperationsServiceService, {
      getStatus: ({ service }: runtime.GetStatusRequest): runtime.GetStatusResponse => ({
        service, ready: !this.notReady.has(service), notReadyBecause: this.notReady.has(service) ? 'its database is away' : '', time: 983_404_800_000_000, unsent: 1, lag: 2,
        parked: service === 'feature' ? [{ subscription: 'RecordAccepted', key: '1', waiting: 3 }] : [], deadLetters: [], figures: service === 'ingestion' ? { quarantined: 60, records: 9_981 } : {},
      }),
      // Pages of two, fewer than are asked for: a service may hand out less.
      listDecisions: ({ service, after }: runtime.ListDecisionsRequest) => ({ decisions: service === 'registry' ? this.decisions.filter(({ sequence }) => sequence > after).slice(0, 2) : [] }),
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
    this.add(registry.RegistryServiceService, {
      listVersions: () => ({ versions: [this.version] }),
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
    const answer = (handle: (request: never) => unknown) => (call: ServerUnaryCall<never, unknown>, done: sendUnaryData<unknown>): void => {
      if (call.metadata.get('authorization')[0] !== 'Bearer good') return done(statusOf(new RheiError('unauthenticated', 'This token is not known here.')));
      try {
        done(null, handle(call.request));
      } catch (error) {
        done(error instanceof RheiError ? statusOf(error) : { code: Grpc.INTERNAL, details: String(error) });
      }
    };
    this.server.addService(definition as never, Object.fromEntries(Object.entries(methods).map(([name, handle]) => [name, answer(handle)])) as UntypedServiceImplementation);
  }
}

const ownerOf = ({ kind }: runtime.Resource): string => (kind === 'Source' ? 'ingestion' : 'registry');

/** Runs one command line against it; with `columns` on a terminal that is so wide. */
export async function rheiAt(platform: FakePlatform, { columns, env = {} }: { columns?: number; env?: Record<string, string> }, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const streams = { stdout: Object.assign(new PassThrough({ highWaterMark: 1e7 }), columns === undefined ? {} : { isTTY: true, columns }), stderr: new PassThrough(), stdin: new PassThrough() };
  const variables = { RHEI_URL: 'http://127.0.0.1:1', RHEI_GRPC: `127.0.0.1:${platform.port}`, RHEI_TOKEN: 'good', NO_COLOR: '1', ...env };
  const code = await run(args, { env: variables, ...streams } as unknown as Parameters<typeof run>[1]);
  return { code, out: String(streams.stdout.read() ?? ''), err: String(streams.stderr.read() ?? '') };
}

export const rheiOf = (platform: FakePlatform, ...args: string[]): ReturnType<typeof rheiAt> => rheiAt(platform, {}, ...args);
