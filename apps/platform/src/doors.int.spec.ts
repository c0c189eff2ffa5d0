import { credentials, makeClientConstructor, Metadata, status, type Client } from '@grpc/grpc-js';
import { mayCall, type Door, type Role } from '@rhei/runtime';
import { startServices, testPrincipals, type RunningServices } from '@rhei/testing';
import { modules } from './embedded';

/** The only doors that open without a token: probes, which tell nothing but that something is up. */
const open = {
  http: ['GET /health/live', 'GET /health/ready', 'GET /v2/health/live', 'GET /v2/health/ready'],
  grpc: [
    '/grpc.health.v1.Health/Check', '/grpc.health.v1.Health/List', '/grpc.health.v1.Health/Watch',
    '/inference.GRPCInferenceService/ServerLive', '/inference.GRPCInferenceService/ServerReady',
  ],
};
// It answers for as long as it is listened to.
const endless = '/grpc.health.v1.Health/Watch';
const callers: ({ name: string; roles: Role[] } | undefined)[] = [undefined, ...testPrincipals];
type Answer = 'in' | 'refused' | 'unknown';

function answerFor({ roles }: Door, who: (typeof callers)[number]): Answer {
  if (roles === 'anyone') return 'in';
  if (who === undefined) return 'unknown';
  return mayCall({ ...who, kind: 'person' }, roles) ? 'in' : 'refused';
}

describe('the doors of all six services', () => {
  let running: RunningServices;
  let doors: { http: Door[]; grpc: Door[] };
  let client: Client & { ask(path: string, metadata: Metadata): Promise<number> };
  beforeAll(async () => {
    running = await startServices(modules, { clock: 'replay', at: 0 });
    doors = running.running.doors();
    client = rawClient(running.grpc);
  }, 60_000);
  afterAll(async () => {
    client?.close();
    await running?.stop();
  });

  async function throughHttp({ name }: Door, who: (typeof callers)[number]): Promise<Answer> {
    const [method, path] = name.split(' ');
    const { status: answered } = await fetch(running.http + path.replace(/:\w+/g, '1'), {
      method, headers: who === undefined ? {} : { authorization: `Bearer ${running.token(who.name)}` }, ...(method === 'POST' && { body: '{}' }),
    });
    return answered === 401 ? 'unknown' : answered === 403 ? 'refused' : 'in';
  }

  async function throughGrpc({ name }: Door, who: (typeof callers)[number]): Promise<Answer> {
    const metadata = new Metadata();
    if (who !== undefined) metadata.set('authorization', `Bearer ${running.token(who.name)}`);
    const code = await client.ask(name, metadata);
    return code === status.UNAUTHENTICATED ? 'unknown' : code === status.PERMISSION_DENIED ? 'refused' : 'in';
  }

  it('are closed to strangers, but for the probes', () => {
    for (const kind of ['http', 'grpc'] as const) expect(doors[kind].filter(({ roles }) => roles === 'anyone').map(({ name }) => name).sort()).toEqual(open[kind]);
  });

  it('let in whom their lists name, and nobody else, by HTTP', async () => {
    for (const door of doors.http) {
      const answers = await Promise.all(callers.map((who) => throughHttp(door, who)));
      expect(seen(door, answers)).toEqual(seen(door, callers.map((who) => answerFor(door, who))));
    }
  }, 60_000);

  it('let in whom their lists name, and nobody else, by gRPC', async () => {
    for (const door of doors.grpc.filter(({ name }) => name !== endless)) {
      const answers = await Promise.all(callers.map((who) => throughGrpc(door, who)));
      expect(seen(door, answers)).toEqual(seen(door, callers.map((who) => answerFor(door, who))));
    }
  }, 60_000);

  it('let an auditor change nothing', () => {
    // To score a prediction again and to compare two runs writes nothing.
    const reading = /^GET |\/(Get|List|Explain$|ReplayPrediction$|CompareRuns$|Model(Metadata|Ready)$|Server|Check$|Watch$)/;
    const forAuditors = [...doors.http, ...doors.grpc].filter((door) => answerFor(door, { name: 'aud', roles: ['auditor'] }) === 'in');
    expect(forAuditors.filter(({ name }) => !reading.test(name))).toEqual([]);
    expect(forAuditors.length).toBeGreaterThan(10);
  });

  it('let nobody but an application predict, and nobody but an approver approve, beside the admin', () => {
    const held = (name: string): string[] => testPrincipals.filter((who) => answerFor(doors.grpc.find((door) => door.name === name)!, who) === 'in').map((who) => who.name);
    expect(held('/inference.GRPCInferenceService/ModelInfer')).toEqual(['admin', 'gate']);
    expect(held('/rhei.registry.v1.RegistryService/ApproveVersion')).toEqual(['admin', 'reviewer']);
    expect(held('/rhei.feature.v1.FeatureService/BuildTrainingSet')).toEqual(['admin', 'dev', 'training']);
  });
});

const seen = ({ name }: Door, answers: Answer[]): Record<string, unknown> => ({ name, ...Object.fromEntries(answers.map((answer, index) => [callers[index]?.name ?? 'a stranger', answer])) });

/** Calls any method with an empty message; the status code. */
function rawClient(address: string): Client & { ask(path: string, metadata: Metadata): Promise<number> } {
  const identity = (bytes: Buffer): Buffer => bytes;
  const Raw = makeClientConstructor({}, 'Raw');
  const client = new Raw(address, credentials.createInsecure()) as unknown as Client;
  return Object.assign(client, {
    ask: (path: string, metadata: Metadata) => new Promise<number>((resolve) => client.makeUnaryRequest(path, identity, identity, Buffer.alloc(0), metadata, { deadline: Date.now() + 10_000 }, (error) => resolve(error?.code ?? status.OK))),
  });
}
