import { Controller, Get, Inject, Param, Post, Req } from '@nestjs/common';
import { Metadata, credentials, makeClientConstructor, type Client } from '@grpc/grpc-js';
import { conflict, gateNotMet, overloaded, runtime } from '@rhei/contracts';
import { startServices, testPrincipals, type RunningServices } from '@rhei/testing';
import { z } from 'zod';
import { call, connect, DEPS, mayCall, pause, service, type Door, type GatedRequest, type HttpDoor, type Role } from './index';

@Controller('fake')
class FakeController {
  constructor(@Inject(DEPS) private readonly deps: { answer: number }) {}
  @Get('things/:id')
  thing(@Param('id') id: string) {
    if (id === 'race') throw conflict('Another was faster.', { reason: 'RACE_LOST' });
    if (id === 'full') throw overloaded('Too many wait.', { retryAfter: 1500 });
    if (id === 'gates') throw gateNotMet('Two gates.', { problems: [{ field: 'auc', message: 'too low', expected: '0.7', got: '0.6' }] });
    if (id === 'bug') throw new Error('the secret inside');
    return { id, answer: this.deps.answer };
  }
  @Post('things')
  async post(@Req() request: GatedRequest) {
    const body = request.body as { wait?: number } | undefined;
    if (body?.wait) await pause(body.wait);
    return { by: request.call.principal.name, body, bytes: request.rawBody.length };
  }
  @Get('open')
  open() {
    return 'anyone';
  }
}
const door: HttpDoor = {
  controller: FakeController,
  routes: {
    'GET /fake/things/:id': { roles: ['developer', 'auditor'] },
    'POST /fake/things': { roles: ['publisher', 'admin'], maxBytes: 1000, deadline: 300 },
    'GET /fake/open': { roles: 'anyone' },
  },
};
const fake = (http: HttpDoor[] = [door]) => service({ name: 'ingestion', config: z.object({}), migrations: [], deps: () => ({ answer: 42 }), http });

describe('the doors of a process', () => {
  let running: RunningServices;
  beforeAll(async () => {
    running = await startServices([fake()], { clock: 'replay', at: 0 });
  });
  afterAll(() => running?.stop());

  const ask = (path: string, { as, ...init }: RequestInit & { as?: string } = {}) =>
    fetch(running.http + path, { ...init, headers: { ...(as && { authorization: `Bearer ${running.token(as)}` }), ...(init.headers as Record<string, string>) } });
  const problem = async (response: Response) => {
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    return { status: response.status, ...((await response.json()) as Record<string, unknown>) };
  };

  it('refuse whom they do not know, and say how to be known', async () => {
    const response = await ask('/fake/things/1');
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="rhei"');
    expect(await problem(response)).toMatchObject({ status: 401, code: 'unauthenticated', expected: 'Authorization: Bearer <token>', instance: '/fake/things/1', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(await problem(await ask('/fake/things/1', { headers: { authorization: 'Bearer wrong' } }))).toMatchObject({ status: 401, reason: 'UNKNOWN_TOKEN' });
  });
  it('refuse a role that may not, and name one that may', async () => {
    expect(await problem(await ask('/fake/things/1', { as: 'oper' }))).toMatchObject({ status: 403, code: 'forbidden', expected: 'developer, auditor', got: 'operator' });
  });
  it('let the right role through, with what the service was built from', async () => {
    expect(await (await ask('/fake/things/1', { as: 'dev' })).json()).toEqual({ id: '1', answer: 42 });
    expect(await (await ask('/fake/things', { as: 'airline', method: 'POST', body: '{"a":1}' })).json()).toEqual({ by: 'airline', body: { a: 1 }, bytes: 7 });
  });
  it.each([
    ['race', 409, { code: 'conflict', reason: 'RACE_LOST' }], ['full', 429, { code: 'overloaded' }],
    ['gates', 409, { code: 'gate_not_met', problems: [{ field: 'auc', message: 'too low', expected: '0.7', got: '0.6' }] }],
  ])('translate the errors of the table: %s', async (id, status, members) => {
    const response = await ask(`/fake/things/${id}`, { as: 'dev' });
    expect(response.headers.get('retry-after')).toBe(id === 'full' ? '2' : null);
    expect(await problem(response)).toMatchObject({ status, ...members });
  });
  it('keep to themselves what went wrong inside', async () => {
    const text = JSON.stringify(await problem(await ask('/fake/things/bug', { as: 'dev' })));
    expect(text).toContain('"code":"internal"');
    expect(text).not.toContain('secret');
  });
  it('take a body of the right size, encoding and shape only', async () => {
    const post = (body: string | Uint8Array, headers = {}) => ask('/fake/things', { as: 'airline', method: 'POST', body: body as string, headers });
    expect(await problem(await post('{"a":'))).toMatchObject({ status: 400, code: 'invalid' });
    expect(await problem(await post('['.repeat(70) + ']'.repeat(70)))).toMatchObject({ status: 400, got: '70 levels' });
    expect(await problem(await post(`"${'x'.repeat(2_000)}"`))).toMatchObject({ status: 413, code: 'too_large', expected: 'at most 1000 bytes' });
    expect(await problem(await post(new Uint8Array(5_000_000)))).toMatchObject({ status: 413 });
    expect(await problem(await post('x', { 'content-encoding': 'gzip' }))).toMatchObject({ status: 400, field: 'Content-Encoding' });
    expect(await problem(await post('plain', { 'content-type': 'text/plain' }))).toMatchObject({ status: 400, expected: 'JSON' });
    expect(await (await post('')).json()).toEqual({ by: 'airline', bytes: 0 });
  });
  it('check the role before they read a body', async () => {
    expect((await ask('/fake/things', { as: 'dev', method: 'POST', body: 'x'.repeat(3_000) })).status).toBe(403);
  });
  it('answer when the deadline of a route passed', async () => {
    expect(await problem(await ask('/fake/things', { as: 'airline', method: 'POST', body: '{"wait":600}' }))).toMatchObject({ status: 504, code: 'deadline_exceeded' });
  });
  it('have one answer for what does not exist, and none for strangers', async () => {
    expect(await problem(await ask('/nothing', { as: 'dev' }))).toMatchObject({ status: 404, code: 'not_found' });
    expect((await ask('/nothing')).status).toBe(401);
    expect(await problem(await ask('/fake/things/%E0%A4%A', { as: 'dev' }))).toMatchObject({ status: 400 });
    expect((await ask('/fake/things/%E0%A4%A')).status).toBe(401);
    expect((await ask('/FAKE/things/1/')).status).toBe(401);
    expect((await ask('/fake/things/1', { method: 'HEAD' })).status).toBe(401);
  });
  it('carry the caller\'s trace', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    expect(await problem(await ask('/fake/things/race', { as: 'dev', headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } }))).toMatchObject({ traceId: trace });
  });

  describe('walked through, every one with every role', () => {
    it('let in whom their lists name, and nobody else', async () => {
      const { http, grpc } = running.running.doors();
      expect(http.filter(({ roles }) => roles === 'anyone').map(({ name }) => name)).toEqual(['GET /fake/open', 'GET /health/live', 'GET /health/ready']);
      expect(grpc.filter(({ roles }) => roles === 'anyone').map(({ name }) => name)).toEqual(['Check', 'List', 'Watch'].map((name) => `/grpc.health.v1.Health/${name}`));
      for (const who of [undefined, ...testPrincipals]) {
        for (const each of http) expect([each.name, who?.name, await throughHttp(each, who?.name)]).toEqual([each.name, who?.name, expected(each, who?.roles)]);
        for (const each of grpc.filter(({ name }) => !name.endsWith('/Watch'))) {
          expect([each.name, who?.name, await throughGrpc(each, who?.name)]).toEqual([each.name, who?.name, expected(each, who?.roles)]);
        }
      }
    });
    const expected = ({ roles }: Door, held: Role[] | undefined) => {
      if (roles === 'anyone') return 'in';
      if (!held) return 'unknown';
      return mayCall({ name: '', kind: 'person', roles: held }, roles) ? 'in' : 'refused';
    };
    const throughHttp = async ({ name }: Door, as: string | undefined) => {
      const [method, path] = name.split(' ');
      const { status } = await ask(path.replace(':id', '1'), { method, ...(as && { as }), ...(method === 'POST' && { body: '{}' }) });
      return status === 401 ? 'unknown' : status === 403 ? 'refused' : 'in';
    };
    const throughGrpc = async ({ name }: Door, as: string | undefined) => {
      const code = await raw(running.grpc, name, as && running.token(as), Buffer.alloc(0));
      return code === 16 ? 'unknown' : code === 7 ? 'refused' : 'in';
    };
  });

  it('answer over gRPC with a status and details when a message is too large or is none', async () => {
    const token = running.token('dev');
    expect(await raw(running.grpc, '/rhei.runtime.v1.OperationsService/GetStatus', token, Buffer.alloc(5_000_000))).toBe(8);
    expect(await raw(running.grpc, '/rhei.runtime.v1.OperationsService/GetStatus', token, Buffer.from([0x0a, 0xff]))).toBe(3);
    const client = connect(runtime.OperationsServiceClient, running.grpc, token);
    await expect(call(client, 'getStatus', { service: 'nobody' }, { deadline: 1000 })).rejects.toMatchObject({ code: 'not_found', details: { field: 'service', got: 'nobody', expected: 'ingestion' } });
    client.close();
  });
  it('tell gRPC health for each service, by its package', async () => {
    for (const name of ['', 'rhei.ingestion.v1']) {
      const request = Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]);
      expect(await raw(running.grpc, '/grpc.health.v1.Health/Check', undefined, request)).toBe(0);
    }
    expect(await raw(running.grpc, '/grpc.health.v1.Health/Check', undefined, Buffer.from([0x0a, 1, 0x78]))).toBe(5);
  });
});

describe('a door without an entry', () => {
  it('ends the start, and so does an entry without a door', async () => {
    const without = { ...door, routes: { 'POST /fake/things': door.routes['POST /fake/things'], 'GET /fake/open': door.routes['GET /fake/open'] } };
    await expect(startServices([fake([without])])).rejects.toThrow(/route "GET \/fake\/things\/:id" has no entry/);
    await expect(startServices([fake([{ ...door, routes: { ...door.routes, 'GET /fake/other': { roles: ['admin'] } } }])])).rejects.toThrow(/No controller has the route "GET \/fake\/other"/);
    await expect(startServices([{ ...fake(), rpc: () => [{ definition: runtime.OperationsServiceService, methods: {} }] }])).rejects.toThrow(/OperationsService\/GetStatus has no entry/);
  });
});

/** A unary call with these bytes; the status code. */
function raw(address: string, path: string, token: string | undefined, bytes: Buffer): Promise<number> {
  const identity = (value: Buffer) => value;
  const Raw = makeClientConstructor({ ask: { path, requestStream: false, responseStream: false, requestSerialize: identity, requestDeserialize: identity, responseSerialize: identity, responseDeserialize: identity } }, 'Raw');
  const client = new Raw(address, credentials.createInsecure()) as unknown as Client & { ask(request: Buffer, metadata: Metadata, answer: (error: { code: number } | null) => void): void };
  const metadata = new Metadata();
  if (token) metadata.set('authorization', `Bearer ${token}`);
  return new Promise((resolve) => client.ask(bytes, metadata, (error) => {
    client.close();
    resolve(error?.code ?? 0);
  }));
}
