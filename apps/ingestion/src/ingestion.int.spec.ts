import fc from 'fast-check';
import { ingestion, runtime } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { call, connect, run } from '@rhei/runtime';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { anEvent, applySource, contract, publish, type Sending } from '../spec/airline';
import { IngestionModule } from './index';

const start = instant('2001-01-01T00:00:00Z');

let services: RunningServices;
const send = (body: unknown, options: Sending = {}) => publish(services, body, options);
const apply = (name: string, spec: unknown) => applySource(services, name, spec);
const quarantine = async (query: string, as = 'aud') => {
  const response = await fetch(`${services.http}/ingestion/quarantine${query}`, { headers: { authorization: `Bearer ${services.token(as)}` } });
  return { status: response.status, ...((await response.json()) as any) };
};
const database = () => services.database('ingestion');
const stored = () => database().query<{ id: string; arrival: number; shard: number }>('SELECT id, arrival, shard FROM record ORDER BY id');
const summary = async () => {
  const client = connect(runtime.OperationsServiceClient, services.grpc, services.token('admin'));
  try {
    return (await call(client, 'getSummary', { service: 'ingestion' }, { deadline: 5_000 })) as runtime.GetSummaryResponse;
  } finally {
    client.close();
  }
};

beforeAll(async () => {
  services = await startServices([IngestionModule], { clock: 'replay', at: start });
  await apply('airline', contract);
}, 60_000);
afterAll(() => services?.stop());

describe('taking in events', () => {
  it('accepts one, once, and says it to who computes on it', async () => {
    const event = anEvent({ subject: 'f-subject' });
    const first = await send(event, { headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } });
    expect(first).toMatchObject({ status: 200, answer: { id: event.id, source: 'airline', status: 'accepted', arrival: '2001-01-01T00:00:00Z' } });
    expect(await send({ ...event, time: '2001-01-01T00:00:00.000Z' }, { type: 'application/json' })).toMatchObject({ status: 200, answer: { ...first.answer, status: 'duplicate' } });
    await services.settle();
    const said = services.published('RecordAccepted').flatMap(({ records }) => records).filter(({ id }) => id === event.id);
    expect(said).toEqual([expect.objectContaining({
      source: 'airline', type: 'flight.landed', key: event.data.flight, subject: 'f-subject', eventTime: start, arrival: start, recordedAt: start,
      arrivalBasis: ingestion.ArrivalBasis.OBSERVED, dataJson: canonicalJson(event.data), revision: 1, supersedes: '',
      traceparent: expect.stringContaining('0af7651916cd43dd8448eb211c80319c'),
    })]);
  });

  it('says a source when it is applied, and once only', async () => {
    await apply('airline', contract);
    await services.settle();
    expect(services.published('SourceApplied').filter(({ name }) => name === 'airline').map(({ version }) => version)).toEqual([1]);
  });

  it('answers each event of a batch, in order', async () => {
    const event = anEvent();
    const large = anEvent({}, { delay: 'x'.repeat(256 * 1024) });
    const { status, answer } = await send([
      event, event, { ...event, subject: 'other' }, anEvent({ id: 'broken' }, { delay: 'soon' }), anEvent({ source: 'railway' }), anEvent({ type: 'flight.sank' }), { id: 'x' }, large,
    ]);
    expect(status).toBe(200);
    expect(answer.map((one: any) => one.status)).toEqual(['accepted', 'duplicate', 'conflict', 'rejected', 'forbidden', 'not_found', 'invalid', 'too_large']);
    expect(answer[3]).toEqual({ id: 'broken', source: 'airline', status: 'rejected', error: expect.objectContaining({ code: 'rejected', field: 'data.delay', rule: 'type', expected: 'number', got: '"soon"' }) });
    expect(await send([], { type: 'application/json' })).toMatchObject({ status: 200, answer: [] });
  });

  it('judges by the newest contract, and keeps what was accepted under an older one', async () => {
    const spec = (most: number) => ({ owner: 'ops', events: { move: { key: 'data.key', schema: { type: 'object' }, expect: [{ rule: `data.n < ${most}.0`, hint: 'smaller' }] } } });
    const move = (id: string, n: number) => ({ specversion: '1.0', source: 'changing', id, type: 'move', time: '2001-01-01T00:00:00Z', data: { key: 'k', n } });
    await apply('changing', spec(10));
    expect((await send(move('a', 5), { as: 'admin' })).answer.status).toBe('accepted');
    await apply('changing', spec(3));
    expect((await send(move('b', 5), { as: 'admin' })).answer).toMatchObject({ code: 'rejected', rule: 'data.n < 3.0', hint: 'smaller' });
    expect((await send(move('a', 5), { as: 'admin' })).answer.status).toBe('duplicate');
  });

  it('refuses a source whose parts do not compile, with every problem', async () => {
    await expect(apply('bad', { owner: 'ops', events: { a: { key: 'data.', schema: { pattern: 'x' } } } })).rejects.toMatchObject({
      code: 'invalid', details: { problems: [{ field: 'Source/bad/spec/events/a/schema/pattern' }, { field: 'Source/bad/spec/events/a/key' }] },
    });
  });
});

describe('revisions of a fact', () => {
  const spec = { owner: 'ops', events: { reading: { key: 'data.meter', identity: 'data.ref', revision: 'has(data.n) ? data.n : 1', withdrawn: `'gone' in data`, schema: { type: 'object' } }, other: { key: 'data.meter', identity: 'data.ref', schema: {} } } };
  const reading = (id: string, data: object, type = 'reading') => ({ specversion: '1.0', source: 'meters', id, type, time: '2001-01-01T00:00:00Z', data: { meter: 'm1', ref: 'r1', ...data } });
  const said = () => new Map(services.published('RecordAccepted').flatMap(({ records }) => records).filter(({ source }) => source === 'meters').map(({ id, identity, revision, withdrawn, supersedes }) => [id, { identity, revision, withdrawn, supersedes }]));

  it('name the one that counted before, in a commit and across commits', async () => {
    await apply('meters', spec);
    // One commit, out of order; then a late one, the same revision again, and one of another type.
    await send([reading('b', { n: 2 }), reading('c', { n: 1 }), reading('z', { ref: 'r2' })], { as: 'admin' });
    await send(reading('d', { n: 4, gone: 1 }), { as: 'admin' });
    await send(reading('e', { n: 3 }), { as: 'admin' });
    await send(reading('f', { n: 4 }), { as: 'admin' });
    await send(reading('g', {}, 'other'), { as: 'admin' });
    expect((await send(reading('d', { n: 4, gone: 1 }), { as: 'admin' })).answer.status).toBe('duplicate');
    await services.settle();
    const of = (revision: number, supersedes: string, withdrawn = false, identity = 'r1') => ({ identity, revision, withdrawn, supersedes });
    expect(Object.fromEntries(said())).toEqual({ b: of(2, 'c'), c: of(1, ''), z: of(1, '', false, 'r2'), d: of(4, 'b', true), e: of(3, 'd'), f: of(4, 'd'), g: of(1, '') });
    expect(await database().query(`SELECT id, revision, supersedes, withdrawn FROM record WHERE source = 'meters' AND id = 'd'`)).toEqual([{ id: 'd', revision: 4, supersedes: 'b', withdrawn: true }]);
    expect((await summary()).counts).toMatchObject({ revised: 3, withdrawn: 1 });
  });

  it('go to quarantine where they cannot be told', async () => {
    expect((await send(reading('h', { ref: 7 }), { as: 'admin' })).answer).toMatchObject({ code: 'rejected', field: 'data.ref', rule: 'identity' });
    expect((await quarantine('?source=meters')).events).toMatchObject([{ eventId: 'h', code: 'rejected', field: 'data.ref', rule: 'identity' }]);
  });
});

describe('the quarantine', () => {
  it('keeps one row of one content, with its bytes', async () => {
    const { total } = await quarantine('?source=airline');
    const event = anEvent({}, { delay: 'late' });
    const text = `  ${JSON.stringify(event, null, 2)}`;
    await send(text);
    await send(`[${text},${JSON.stringify(event)}]`, { type: 'application/json' });
    const page = await quarantine('?source=airline&limit=1');
    expect(page).toMatchObject({ total: total + 1, events: [{ eventId: event.id, field: 'data.delay', rule: 'type', original: text.trim() }] });
  });

  it('is read in pages, the newest first', async () => {
    const all = (await quarantine('')).events;
    const first = await quarantine('?limit=2');
    const second = await quarantine(`?limit=2&after=${first.events[1].id}`);
    expect([...first.events, ...second.events]).toEqual(all.slice(0, 4));
    const client = connect(ingestion.IngestionServiceClient, services.grpc, services.token('oper'));
    const answer = (await call(client, 'listQuarantine', { source: 'airline', type: '', code: '', state: '', limit: 1, after: '' }, { deadline: 2_000 })) as ingestion.ListQuarantineResponse;
    client.close();
    expect(answer.events[0]).toMatchObject({ id: all[0].id, eventId: all[0].eventId, contentDigest: all[0].contentDigest });
    expect(answer.events[0].original.toString()).toBe(all[0].original);
  });

  it('shows a publisher its own, and others nothing', async () => {
    expect((await quarantine('', 'airline')).events.every(({ source }: { source: string }) => source === 'airline')).toBe(true);
    expect(await quarantine('?source=railway', 'airline')).toMatchObject({ status: 403 });
    expect(await quarantine('', 'gate')).toMatchObject({ status: 403 });
    expect(await quarantine('?limit=many')).toMatchObject({ status: 400, field: 'limit' });
    expect(await quarantine('?after=x')).toMatchObject({ status: 400, field: 'after' });
  });

  it('explains what became of an event', async () => {
    const event = anEvent();
    await send(event);
    await send({ ...event, subject: 'other' });
    const client = connect(runtime.OperationsServiceClient, services.grpc, services.token('aud'));
    const answer = (await call(client, 'explain', { service: 'ingestion', kind: 'event', id: `airline/${event.id}` }, { deadline: 2_000 })) as runtime.ExplainResponse;
    client.close();
    expect(answer).toMatchObject({ found: true, title: `Event airline/${event.id}, flight.landed` });
    expect(answer.lines.join('\n')).toMatch(/happened at 2001-01-01T00:00:00Z[\s\S]*conflict at/);
  });
});

describe('many at once', () => {
  it('gives 200 publishers who send the same exactly one record of each', async () => {
    const shared = Array.from({ length: 20 }, () => anEvent());
    const results = await Promise.all(Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? send(shared[index % 20]) : send([shared[(index + 1) % 20], shared[(index * 7) % 20]]))));
    const answers = results.flatMap(({ answer }) => answer) as { status: string; id: string; arrival: string }[];
    expect(answers).toHaveLength(300);
    expect(answers.filter(({ status }) => status === 'accepted').map(({ id }) => id).sort()).toEqual(shared.map(({ id }) => id).sort());
    expect(answers.filter(({ status }) => status !== 'accepted').every(({ status }) => status === 'duplicate')).toBe(true);
    await services.settle();
    const said = services.published('RecordAccepted').flatMap(({ records }) => records.map(({ id }) => id));
    for (const { id } of shared) expect(said.filter((one) => one === id)).toHaveLength(1);
  });

  it('takes two replicas for one', async () => {
    const second = await run([IngestionModule], { env: services.env });
    try {
      const events = Array.from({ length: 60 }, () => anEvent());
      const doubled = [...events, ...events].map((event, index) => send(event, { to: index % 2 === 0 ? services.http : second.http }));
      const tally = (await Promise.all(doubled)).map(({ answer }) => answer.status as string).sort();
      expect(tally).toEqual([...Array<string>(60).fill('accepted'), ...Array<string>(60).fill('duplicate')]);
      await services.settle();
      const said = services.published('RecordAccepted').flatMap(({ records }) => records.map(({ id }) => id));
      for (const { id } of events) expect(said.filter((one) => one === id)).toHaveLength(1);
    } finally {
      await second.stop();
    }
  });

  it('keeps one content of each id, whatever is sent in which order and together', async () => {
    let round = 0;
    const content = fc.record({ id: fc.nat(4), delay: fc.constantFrom(1, 2, 9_999) });
    await fc.assert(fc.asyncProperty(fc.array(fc.array(content, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 8 }), async (requests) => {
      const name = `r${++round}`;
      const event = ({ id, delay }: { id: number; delay: number }) => anEvent({ id: `${name}-${id}` }, { flight: name, delay });
      const results = await Promise.all(requests.map((request) => send(request.map(event))));
      const answers = results.flatMap(({ answer }) => answer as { id: string; status: string }[]);
      const sent = requests.flat();
      const rows = await database().query<{ id: string; delay: number }>("SELECT id, (data->>'delay')::int AS delay FROM record WHERE key = $1", [name]);
      const kept = new Map(rows.map(({ id, delay }) => [id, delay]));
      sent.forEach(({ id, delay }, index) => {
        const { status } = answers[index];
        expect(status).toMatch(delay === 9_999 ? /^rejected$/ : kept.get(`${name}-${id}`) === delay ? /^(accepted|duplicate)$/ : /^conflict$/);
      });
      expect(answers.filter(({ status }) => status === 'accepted').map(({ id }) => id).sort()).toEqual([...kept.keys()].sort());
      const [{ bad }] = await database().query<{ bad: number }>('SELECT count(*) AS bad FROM quarantine WHERE event_id LIKE $1', [`${name}-%`]);
      expect(bad).toBe(new Set(sent.filter(({ id, delay }) => kept.get(`${name}-${id}`) !== delay).map(({ id, delay }) => `${id} ${delay}`)).size);
    }), { seed: 8, numRuns: 25 });
  }, 30_000);
});

describe('what is kept', () => {
  it('is counted, and its digest depends on the records only', async () => {
    const rows = await stored();
    const first = await summary();
    expect(Number(first.counts.accepted)).toBe(rows.length);
    expect(first.digests.accepted).toMatch(/^[0-9a-f]{64}$/);
    await send(anEvent());
    const second = await summary();
    expect(second.digests.accepted).not.toBe(first.digests.accepted);
  });

  it('is found again after a restart', async () => {
    const before = { rows: await stored(), summary: await summary(), quarantine: await quarantine('?limit=1000') };
    await services.running.stop();
    const stopped = services;
    const running = await run([IngestionModule], { env: stopped.env });
    services = {
      ...stopped, running, http: running.http, grpc: running.grpc, database: () => running.services.get('ingestion')!.database,
      async stop() {
        await running.stop();
        await stopped.stop();
      },
    };
    expect({ rows: await stored(), summary: await summary(), quarantine: await quarantine('?limit=1000') }).toEqual(before);
    const known = await send(anEvent({ id: before.rows.find(({ id }) => id.startsWith('l'))!.id }));
    expect(known.status).toBe(409);
    expect((await send(anEvent())).answer.status).toBe('accepted');
  });
});
