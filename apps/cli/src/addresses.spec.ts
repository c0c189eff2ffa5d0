import { Server, ServerCredentials, status as Grpc, type sendUnaryData, type ServerUnaryCall, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { inference, RheiError, runtime } from '@rhei/contracts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grpcOf, httpOf, onAnyReplica, readAddresses } from './addresses';
import { call, clientByService, clientOf, findTarget } from './connect';

const deployed = {
  http: 'http://127.0.0.1:8080', grpc: '127.0.0.1:8081', jaeger: 'http://localhost:16686',
  services: {
    ingestion: { http: 'http://127.0.0.1:8080', grpc: '127.0.0.1:8081' },
    serving: { http: ['http://127.0.0.1:8480', 'http://127.0.0.1:8490/'], grpc: ['localhost:8481', '127.0.0.1:8491'] },
  },
};

describe('the addresses of a deployed platform', () => {
  let data: string;
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'rhei-data-'));
    writeFileSync(join(data, 'platform.json'), JSON.stringify(deployed));
  });
  afterEach(() => rmSync(data, { recursive: true }));

  it('are those of each service, and the one of all for a service that is not named', () => {
    const target = findTarget({ data, token: 't' }, {});
    expect(target.jaeger).toBe('http://localhost:16686');
    expect(grpcOf(target, 'ingestion')).toBe('127.0.0.1:8081');
    expect(grpcOf(target, 'serving')).toBe('ipv4:127.0.0.1:8481,127.0.0.1:8491');
    expect(grpcOf(target, 'registry')).toBe('127.0.0.1:8081');
    expect(httpOf(target, 'serving')).toEqual(['http://127.0.0.1:8480', 'http://127.0.0.1:8490']);
  });

  it('give way to one address that somebody names', () => {
    expect(findTarget({ data, token: 't', url: 'http://h:7' }, {}).services).toBeUndefined();
    expect(grpcOf(findTarget({ data, token: 't' }, { RHEI_URL: 'http://h:7' }), 'serving')).toBe('h:8');
    expect(grpcOf(findTarget({ data, token: 't', grpc: 'h:9' }, {}), 'serving')).toBe('h:9');
  });

  it('are refused with their place in the file when they are not understood', () => {
    const refused = (services: unknown) => () => readAddresses(services, 'platform.json');
    expect(refused({ servnig: {} })).toThrow('platform.json: /services/servnig is not understood');
    expect(refused({ serving: { http: 'http://h:1', grpc: 'http://h:2' } })).toThrow('/services/serving/grpc');
    expect(refused({ serving: { http: 'http://h:1' } })).toThrow('/services/serving/grpc');
    expect(refused({ serving: { http: ['http://h:1', 'http://h:3'], grpc: ['a:1', 'b:2'] } })).toThrow('/services/serving/grpc');
    expect(refused([])).toThrow('/services is not understood');
  });
});

describe('a call to a deployed platform', () => {
  const servers: Server[] = [];
  const heard: string[] = [];
  /** A server that notes its name when it is called. */
  const serve = async (name: string, definition: object, methods: Record<string, (request: never) => unknown>): Promise<string> => {
    const server = new Server();
    const implementation = Object.fromEntries(Object.entries(methods).map(([method, answer]) => [method, (request: ServerUnaryCall<never, unknown>, done: sendUnaryData<unknown>) => {
      heard.push(name);
      try {
        done(null, answer(request.request));
      } catch {
        done({ code: Grpc.UNAVAILABLE, details: 'feature is away' });
      }
    }]));
    const missing = Object.fromEntries(Object.keys(definition).map((method) => [method, (_: unknown, done: sendUnaryData<unknown>) => done({ code: Grpc.UNIMPLEMENTED })]));
    server.addService(definition as never, { ...missing, ...implementation } as UntypedServiceImplementation);
    servers.push(server);
    return `127.0.0.1:${await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error))))}`;
  };
  beforeEach(() => void heard.splice(0));
  afterEach(() => servers.splice(0).forEach((server) => server.forceShutdown()));

  it('goes to the service that the request names', async () => {
    const methods = { getSummary: () => ({ counts: {}, digests: {} }) };
    const [one, other] = await Promise.all(['one', 'other'].map((name) => serve(name, runtime.OperationsServiceService, methods)));
    const client = clientByService(runtime.OperationsServiceClient, { http: 'http://127.0.0.1:1', grpc: one, services: { training: { http: ['http://127.0.0.1:2'], grpc: [other] }, feature: { http: ['http://127.0.0.1:3'], grpc: ['127.0.0.1:1'] } } });
    await call(client, client.getSummary, { service: 'training' }, { token: 't' });
    await call(client, client.getSummary, { service: 'registry' }, { token: 't' });
    expect(heard).toEqual(['other', 'one']);
    await expect(call(client, client.getSummary, { service: 'feature' }, { token: 't' })).rejects.toThrow('Nobody answers at 127.0.0.1:1');
    client.close();
  });

  it('is made of every replica in turn, and of the other one when one is away', async () => {
    const ids: string[] = [];
    const answer = ({ id }: { id: string }) => {
      ids.push(id);
      if (ids.length === 1) throw new Error('this one cannot answer now');
      return { modelName: 'm', modelVersion: '1', id, parameters: {}, outputs: [], rawOutputContents: [] };
    };
    const grpc = await Promise.all(['a', 'b'].map((name) => serve(name, inference.GRPCInferenceServiceService, { modelInfer: answer as never })));
    const place = { http: 'http://127.0.0.1:1', grpc: grpc[0], services: { serving: { http: [], grpc } } };
    const client = clientOf(inference.GRPCInferenceServiceClient, grpcOf(place, 'serving'), { balanced: true });
    const infer = (id: string) => onAnyReplica(place, 'serving', () =>
      call(client, client.modelInfer, { modelName: 'm', modelVersion: '', id, parameters: {}, inputs: [], outputs: [], rawInputContents: [] }, { token: 't' }));
    expect((await infer('p-1')).id).toBe('p-1');
    expect(ids).toEqual(['p-1', 'p-1']);
    for (let n = 2; n < 12; n += 1) await infer(`p-${n}`);
    expect(new Set(heard)).toEqual(new Set(['a', 'b']));
    servers[0].forceShutdown();
    for (let n = 12; n < 20; n += 1) await infer(`p-${n}`);
    expect(new Set(heard.slice(-6))).toEqual(new Set(['b']));
    client.close();
  });

  it('fails behind one address as it did', async () => {
    let calls = 0;
    const away = () => {
      calls += 1;
      return Promise.reject(new RheiError('unavailable', 'away'));
    };
    await expect(onAnyReplica({ http: 'http://h:1', grpc: 'h:2' }, 'serving', away)).rejects.toThrow('away');
    expect(calls).toBe(1);
  });
});
