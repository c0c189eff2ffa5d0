import { status, type ServiceError } from '@grpc/grpc-js';
import { inference, registry } from '@rhei/contracts';
import { begin, inferRequest, question, scene, tensors } from '../spec/scene';

type Scene = Awaited<ReturnType<typeof scene>>;
let at: Scene;
let first: string;

const event = (id: string, data: object = { flight: id, origin: 'JFK', destination: 'LAX', distance: 2475, departure: '2001-01-31T17:00:00Z' }, more: object = {}) =>
  ({ specversion: '1.0', id, source: 'airline', type: 'flight.scheduled', time: '2001-01-31T17:00:00Z', datacontenttype: 'application/json', data, ...more });

async function http(method: string, path: string, { body, as = 'airline', token }: { body?: unknown; as?: string; token?: string } = {}) {
  const bearer = token ?? at.running.token(as);
  const answer = await fetch(`${at.running.http}${path}`, {
    method, headers: { 'content-type': 'application/json', ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: (text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text) as any };
}
const publish = (body: unknown, options: { as?: string; token?: string } = {}) => http('POST', '/ingestion/events', { body, ...options });
const ask = (body: unknown, options: { as?: string; token?: string } = {}, deployment = 'departures') => http('POST', `/v2/models/${deployment}/infer`, { body, as: 'gate', ...options });
const infer = (request: Partial<inference.ModelInferRequest>, options: { as?: string; token?: string; deadline?: number } = { as: 'gate' }) =>
  at.call.call(inference.GRPCInferenceServiceClient, 'modelInfer', { ...inferRequest(question), ...request }, options) as Promise<inference.ModelInferResponse>;
const approve = (version: number, digest: string, as = 'reviewer') =>
  at.call.call(registry.RegistryServiceClient, 'approveVersion', { model: 'flight-late', version, digest, comment: '' }, { as });
const failing = (call: Promise<unknown>): Promise<ServiceError> => call.then(() => { throw new Error('it was answered'); }, (error: ServiceError) => error);
/** `google.rpc` details stand in the trailers; the texts in them are enough here. */
const details = (error: ServiceError): string => (error.metadata.get('grpc-status-details-bin') as Buffer[]).map((bytes) => bytes.toString('latin1')).join();

describe('what bad input gets', () => {
  beforeAll(async () => { at = await scene(); }, 60_000);
  afterAll(() => at.stop());

  it('says unauthenticated without a token or with a wrong one', async () => {
    for (const token of ['', 'wrong']) {
      expect(await publish(event('e0'), { token })).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
      expect((await failing(infer({}, { token }))).code).toBe(status.UNAUTHENTICATED);
    }
  });

  it('says forbidden to a role that may not, and names one that may', async () => {
    expect(await publish(event('e0'), { as: 'gate' })).toMatchObject({ status: 403, body: { code: 'forbidden', expected: expect.stringContaining('publisher') } });
    const error = await failing(infer({}, { as: 'airline' }));
    expect(error).toMatchObject({ code: status.PERMISSION_DENIED, details: expect.stringContaining('application') });
  });

  it('says unavailable of a deployment without a live version', async () => {
    expect(await ask({ inputs: tensors(question) })).toMatchObject({ status: 503, body: { code: 'unavailable', reason: 'NO_LIVE_VERSION' } });
    expect((await failing(infer({}))).code).toBe(status.UNAVAILABLE);
  });

  it('says invalid to a body that is no JSON or no CloudEvent', async () => {
    for (const body of ['{"a":', '"text"', '{}', '{"specversion":"1.0","id":"x"}']) expect(await publish(body)).toMatchObject({ status: 400, body: { code: 'invalid' } });
  });

  it('says rejected to an event that breaks its contract, with field, rule and hint, and keeps it in quarantine', async () => {
    const broken = event('broken', { flight: 'x', origin: 'JFK', destination: 'LAX', distance: -1, departure: '2001-01-31T17:00:00Z' });
    const answer = await publish(broken);
    expect(answer).toMatchObject({ status: 422, body: { code: 'rejected', hint: 'distance is in miles' } });
    expect(JSON.stringify(answer.body)).toMatch(/data\.distance > 0\.0/);
    const batch = await publish([event('fine'), event('broken-2', { flight: 1 })]);
    expect(batch).toMatchObject({ status: 200, body: [{ id: 'fine', status: 'accepted' }, { id: 'broken-2', status: 'rejected', error: { code: 'rejected', field: expect.any(String) } }] });
    const quarantine = await http('GET', '/ingestion/quarantine', { as: 'dev' });
    expect(JSON.stringify(quarantine.body)).toContain('broken-2');
  });

  it('answers an event that comes again as a duplicate, and as a conflict when its content is another', async () => {
    await publish(event('again'));
    expect(await publish(event('again'))).toMatchObject({ status: 200, body: { status: 'duplicate' } });
    expect(await publish(event('again', undefined, { time: '2001-01-31T17:00:01Z' }))).toMatchObject({ status: 409, body: { code: 'conflict' } });
    const quarantine = await http('GET', '/ingestion/quarantine', { as: 'dev' });
    expect(JSON.stringify(quarantine.body)).toContain('conflict');
  });

  it('says not found of an unknown source, event type, model or deployment', async () => {
    expect(await publish({ ...event('e1'), source: 'nobody' }, { as: 'admin' })).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await publish({ ...event('e1'), type: 'flight.lost' })).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await ask({ inputs: tensors(question) }, {}, 'nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await failing(infer({ modelName: 'nothing' }))).code).toBe(status.NOT_FOUND);
    expect((await failing(at.call.call(registry.RegistryServiceClient, 'listVersions', { model: 'nothing' }))).code).toBe(status.NOT_FOUND);
  });

  it('says gate not met with every unmet gate and its values, and forbidden of own work', async () => {
    const bad = await at.register(2, { logLoss: 0.9 });
    const promote = (version: number, expectedRevision = 0) => at.call.call(registry.RegistryServiceClient, 'promoteVersion', { model: 'flight-late', version, expectedRevision, despiteRollback: false, reason: '' });
    const error = await failing(promote(1));
    expect(error.code).toBe(status.FAILED_PRECONDITION);
    expect(error.details + details(error)).toMatch(/not worse than the base rate/);
    expect(error.details + details(error)).toMatch(/0\.9/);
    expect((await failing(approve(1, bad, 'dev'))).code).toBe(status.PERMISSION_DENIED);
    first = await at.register(0);
    expect((await failing(promote(2))).code).toBe(status.FAILED_PRECONDITION);
    expect((await failing(approve(2, bad))).code).toBe(status.ABORTED);
    await approve(2, first);
    await at.running.settle();
    expect(await failing(promote(2, 99))).toMatchObject({ code: status.ABORTED });
    expect(details(await failing(promote(2, 99)))).toContain('RACE_LOST');
    const own = await at.register(1, { author: 'reviewer' });
    expect(await failing(approve(3, own))).toMatchObject({ code: status.PERMISSION_DENIED, details: expect.stringContaining('reviewer') });
  });

  it('says invalid to a wrong tensor name, shape or type, with what was expected and got', async () => {
    const { flight: _flight, ...without } = question;
    for (const [inputs, text] of [
      [tensors(without), /flight.*BYTES/], [[...tensors(question), { name: 'colour', datatype: 'BYTES', shape: [1], data: ['red'] }], /colour/],
      [tensors({ ...question, distance: 'far' }), /FP64.*BYTES/], [tensors(question).map((one) => ({ ...one, shape: [2] })), /2 elements/],
    ] as const) {
      const answer = await ask({ inputs });
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid' } });
      expect(JSON.stringify(answer.body)).toMatch(text);
    }
    const error = await failing(infer({ inputs: inferRequest(question).inputs.slice(1) }));
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining('flight') });
  });

  it('answers for an entity that was never seen, and marks what is missing', async () => {
    const answer = await ask({ id: 'unseen', inputs: tensors(question) });
    expect(answer).toMatchObject({ status: 200, body: { id: 'unseen', model_version: '2', outputs: [{ name: 'probability', shape: [1] }] } });
    expect(JSON.parse(answer.body.parameters.missing_features).map(({ name }: { name: string }) => name)).toEqual(['origin_late', 'destination_late', 'route_late', 'network_late_1d', 'network_late_7d']);
    const answered = await infer({ id: 'unseen-2' });
    expect(answered.parameters.missing_features?.parameterChoice).toMatchObject({ value: expect.stringContaining('origin_late') });
  });

  it('says conflict of a prediction id that is known with other inputs, and repeats what it said for the same', async () => {
    const one = await ask({ id: 'p1', inputs: tensors(question) });
    expect((await ask({ id: 'p1', inputs: tensors(question) })).body).toEqual(one.body);
    expect(await ask({ id: 'p1', inputs: tensors({ ...question, distance: 1 }) })).toMatchObject({ status: 409, body: { code: 'conflict', reason: 'ID_REUSED' } });
    const error = await failing(infer({ id: 'p1', inputs: inferRequest({ ...question, distance: 1 }).inputs }));
    expect(error.code).toBe(status.ABORTED);
    expect(details(error)).toContain('ID_REUSED');
  });

  it('says too large of a body or message past its limit', async () => {
    expect(await publish(JSON.stringify([event('big', { filler: 'x'.repeat(5_000_000) })]))).toMatchObject({ status: 413, body: { code: 'too_large' } });
    expect((await failing(infer({ id: 'x'.repeat(70_000_000) }))).code).toBe(status.RESOURCE_EXHAUSTED);
  });

  it('says unavailable, and when to come again, while a database hangs', async () => {
    const database = at.running.database('feature');
    let release!: () => void;
    const held = new Promise<void>((resolve) => { release = resolve; });
    const locked = database.transaction(async (tx) => {
      await tx.query('LOCK TABLE feature_row IN ACCESS EXCLUSIVE MODE');
      await held;
    });
    try {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const answer = await ask({ inputs: tensors(question) });
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      const error = await failing(infer({}));
      expect(error.code).toBe(status.UNAVAILABLE);
      expect(details(error)).toContain('google.rpc.RetryInfo');
    } finally {
      release();
      await locked;
    }
  });
});

describe('a full queue', () => {
  it('refuses at once, with the time after which to come again', async () => {
    at = await scene({ at: begin, env: { SERVING_CONCURRENCY: '1', SERVING_QUEUE: '0' } });
    try {
      const digest = await at.register(0);
      await approve(1, digest);
      await at.running.settle();
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask({ inputs: tensors(question) })));
      const refused = answers.filter((answer) => answer.status !== 200);
      expect(refused.length).toBeGreaterThan(0);
      for (const answer of refused) {
        expect(answer).toMatchObject({ status: 429, body: { code: 'overloaded' } });
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      const errors = (await Promise.all(Array.from({ length: 20 }, () => infer({}).then(() => undefined, (error: ServiceError) => error)))).filter((error) => error !== undefined);
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors) {
        expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
        expect(details(error)).toContain('RetryInfo');
      }
    } finally {
      await at.stop();
    }
  }, 60_000);
});
