import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { canonicalJson } from '@rhei/expressions';
import { applyResources } from '@rhei/runtime';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { IngestionModule } from './index';

const start = instant('2001-01-01T00:00:00Z');
const { spec } = parse(readFileSync(join(__dirname, '../../../examples/flights/source.yaml'), 'utf8')) as { spec: unknown };

let services: RunningServices;
let next = 0;
const anEvent = (change: object = {}, data: object = {}) => {
  const id = `l${++next}`;
  return { specversion: '1.0', source: 'airline', id, type: 'flight.landed', time: '2001-01-01T00:00:00Z', data: { flight: `f${next}`, origin: 'ABC', destination: 'DEF', delay: 3, ...data }, ...change };
};

async function send(body: unknown, { to = services, as = 'airline', type = Array.isArray(body) ? 'application/cloudevents-batch+json' : 'application/cloudevents+json' } = {}) {
  const response = await fetch(`${to.http}/ingestion/events`, {
    method: 'POST', headers: { authorization: `Bearer ${to.token(as)}`, 'content-type': type }, body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, answer: (await response.json()) as any };
}
const open = async (env = {}) => {
  const opened = await startServices([IngestionModule], { clock: 'replay', at: start, env });
  await applyResources(opened.running.services.get('ingestion')!, [{ kind: 'Source', name: 'airline', specJson: canonicalJson(spec), version: 0 }], 'dev');
  return opened;
};
const count = async (table: 'record' | 'quarantine', { database } = services) => (await database('ingestion').query<{ rows: number }>(`SELECT count(*) AS rows FROM ${table}`))[0].rows;

beforeAll(async () => {
  services = await open();
}, 60_000);
afterAll(() => services?.stop());

describe('what bad input gets', () => {
  it.each<[string, number, object, () => ReturnType<typeof send>]>([
    ['no JSON', 400, { code: 'invalid' }, () => send('hello')],
    ['nothing', 400, { code: 'invalid' }, () => send('')],
    ['no CloudEvent', 400, { code: 'invalid', field: 'specversion' }, () => send({ id: 'a' })],
    ['another content type', 400, { code: 'invalid', field: 'content-type' }, () => send('a', { type: 'text/plain' })],
    ['a contract broken', 422, { code: 'rejected', field: 'data.delay', rule: 'data.delay > -300.0 && data.delay < 3000.0', hint: 'delay is in minutes' }, () => send(anEvent({}, { delay: 9_000 }))],
    ['the future', 422, { code: 'rejected', field: 'time', rule: 'skew' }, () => send(anEvent({ time: '2001-01-01T00:05:00.000001Z' }))],
    ['an unknown source', 404, { code: 'not_found', field: 'source' }, () => send(anEvent({ source: 'nobody' }), { as: 'admin' })],
    ['an unknown type', 404, { code: 'not_found', field: 'type', expected: 'flight.landed, flight.scheduled' }, () => send(anEvent({ type: 'flight.sank' }))],
    ["another's source", 403, { code: 'forbidden', field: 'source', expected: 'publisher:railway' }, () => send(anEvent({ source: 'railway' }))],
    ['a role that may not publish', 403, { code: 'forbidden' }, () => send(anEvent(), { as: 'dev' })],
    ['an event too large', 413, { code: 'too_large' }, () => send(anEvent({}, { note: 'x'.repeat(256 * 1024) }))],
    ['a body too large', 413, { code: 'too_large' }, () => send('x'.repeat(4 * 1024 * 1024 + 1))],
    ['too many events', 413, { code: 'too_large' }, () => send(Array(1_001).fill({}))],
    ['too deep an event', 400, { code: 'invalid', expected: 'at most 32 levels' }, () => send(`{"data":${'['.repeat(32)}${']'.repeat(32)}}`)],
    ['ten thousand levels', 400, { code: 'invalid' }, () => send(`{"data":${'['.repeat(10_000)}${']'.repeat(10_000)}}`)],
  ])('%s: %i', async (_what, status, problem, act) => {
    const before = { records: await count('record'), quarantined: await count('quarantine') };
    const result = await act();
    expect(result).toMatchObject({ status, answer: { status, ...problem } });
    expect(result.headers.get('content-type')).toContain('application/problem+json');
    expect(await count('quarantine')).toBe(before.quarantined + (status === 422 ? 1 : 0));
    expect(await count('record')).toBe(before.records);
  });

  it('a wrong token: 401', async () => {
    const response = await fetch(`${services.http}/ingestion/events`, { method: 'POST', headers: { authorization: 'Bearer wrong' }, body: '{}' });
    expect(response.status).toBe(401);
  });

  it('one id with other content: 409, kept in quarantine, and the first stays', async () => {
    const event = anEvent();
    await send(event);
    const other = { ...event, data: { ...event.data, delay: 4 } };
    expect(await send(other)).toMatchObject({ status: 409, answer: { code: 'conflict', field: 'id' } });
    expect(await send(other)).toMatchObject({ status: 409 });
    expect(await send(event)).toMatchObject({ status: 200, answer: { status: 'duplicate' } });
    const kept = await services.database('ingestion').query('SELECT code, sender, received_at, original FROM quarantine WHERE event_id = $1', [event.id]);
    expect(kept).toEqual([{ code: 'conflict', sender: 'airline', received_at: start, original: Buffer.from(JSON.stringify(other)) }]);
  });

  it('a full queue: 429 with Retry-After', async () => {
    const small = await open({ INGESTION_QUEUE_EVENTS: '1000' });
    try {
      const batches = Array.from({ length: 3 }, () => Array.from({ length: 600 }, () => anEvent()));
      const results = await Promise.all(batches.map((batch) => send(batch, { to: small })));
      const away = results.filter(({ status }) => status === 429);
      expect(away.length).toBeGreaterThan(0);
      expect(away[0]).toMatchObject({ answer: { code: 'overloaded' } });
      expect(away[0].headers.get('retry-after')).toBe('1');
      expect(await count('record', small)).toBe(600 * (3 - away.length));
    } finally {
      await small.stop();
    }
  });
});
