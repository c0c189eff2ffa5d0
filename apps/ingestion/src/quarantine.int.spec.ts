import { ingestion, runtime } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { applyResources, call, connect, readDecisions, summaryOf } from '@rhei/runtime';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { IngestionModule } from './index';

const start = instant('2001-04-10T00:00:00Z');
const spec = (most = 100) => ({
  owner: 'ops', events: {
    sold: {
      key: 'data.shop', identity: 'data.order', revision: 'has(data.n) ? data.n : 1', schema: { type: 'object', required: ['order', 'total'], properties: { total: { type: 'number' } } },
      expect: [{ rule: `data.total < ${most}.0`, hint: 'total is in hundreds' }],
    },
  },
});

let services: RunningServices;
let client: ingestion.IngestionServiceClient;
let next = 0;
const anEvent = (data: object = {}, change: object = {}) => {
  const id = `s${++next}`;
  return { specversion: '1.0', source: 'till', id, type: 'sold', time: '2001-04-08T00:00:00Z', data: { shop: 'a', order: id, total: 5, ...data }, ...change };
};
const as = (name: string) => connect(ingestion.IngestionServiceClient, services.grpc, services.token(name));
const apply = (contract: object, name = 'till') => applyResources(services.running.services.get('ingestion')!, [{ kind: 'Source', name, specJson: canonicalJson(contract), version: 0 }], 'dev');
async function send(event: object | object[], headers: Record<string, string> = {}) {
  const response = await fetch(`${services.http}/ingestion/events`, {
    method: 'POST', headers: { authorization: `Bearer ${services.token('admin')}`, 'content-type': Array.isArray(event) ? 'application/cloudevents-batch+json' : 'application/cloudevents+json', ...headers }, body: JSON.stringify(event),
  });
  return (await response.json()) as any;
}
const all = { source: '', type: '', code: '', state: '', limit: 0, after: '' };
const list = async (query: Partial<typeof all> = {}, by = client) => ((await call(by, 'listQuarantine', { ...all, ...query }, { deadline: 2_000 })) as ingestion.ListQuarantineResponse).events;
const get = (id: string, by = client) => call(by, 'getQuarantined', { id }, { deadline: 2_000 }) as Promise<ingestion.GetQuarantinedResponse>;
const fix = (id: string, mending: { event?: object; data?: object | string }, { by = client, reason = 'unit' } = {}) => call(by, 'fixQuarantined', {
  id, reason, eventJson: mending.event === undefined ? '' : JSON.stringify(mending.event), dataJson: mending.data === undefined ? '' : typeof mending.data === 'string' ? mending.data : JSON.stringify(mending.data),
}, { deadline: 5_000 }) as Promise<ingestion.FixQuarantinedResponse>;
const nothing = { ids: [] as string[], mended: [] as ingestion.MendedContent[], source: '', type: '', code: '', limit: 0, after: '', dryRun: false, reason: '' };
const replay = (request: Partial<typeof nothing>, by = client) => call(by, 'replayQuarantined', { ...nothing, ...request }, { deadline: 5_000 }) as Promise<ingestion.ReplayQuarantinedResponse>;
/** Breaks the contract, and is kept: its row. */
const quarantined = async (data: object = { total: 700 }, change: object = {}) => {
  const event = anEvent(data, change);
  await send(event);
  const row = (await list({ source: event.source })).find(({ eventId }) => eventId === event.id)!;
  return { event, id: row.id, row };
};
const counts = async () => (await summaryOf(services.running.services.get('ingestion')!)).counts as Record<string, number>;
const said = () => services.published('RecordAccepted').flatMap(({ records }) => records);

beforeAll(async () => {
  services = await startServices([IngestionModule], { clock: 'replay', at: start });
  await apply(spec());
  client = as('oper');
}, 60_000);
afterAll(async () => {
  client?.close();
  await services?.stop();
});

describe('mending an event', () => {
  it('takes it in at its own event time, arriving now, with who mended it', async () => {
    const { event, id } = await quarantined();
    await services.setTime(start + 3_600_000_000);
    const { event: row, status, arrival } = await fix(id, { data: { ...event.data, total: 7 } }, { reason: 'sent in cents' });
    expect({ status, arrival }).toEqual({ status: 'accepted', arrival: start + 3_600_000_000 });
    expect(row).toMatchObject({ id, state: 'mended', code: 'rejected', mendedBy: 'oper', mendedAt: arrival, reason: 'sent in cents', outcome: 'accepted', mendedDigest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await services.settle();
    expect(said().filter((record) => record.id === event.id)).toEqual([expect.objectContaining({
      source: 'till', type: 'sold', eventTime: instant(event.time), arrival, mendedBy: 'oper', identity: event.data.order, dataJson: canonicalJson({ ...event.data, total: 7 }), contentDigest: row!.mendedDigest,
    })]);
    expect((await get(id)).event).toEqual(row);
  });

  it('is on record, by what was and what is', async () => {
    const { event, id, row } = await quarantined();
    const { event: mended } = await fix(id, { event: { ...event, data: { ...event.data, total: 1 } } });
    const decisions = await readDecisions(services.database('ingestion'), { after: 0, limit: 100, subject: `event/till/${event.id}` });
    expect(decisions).toEqual([expect.objectContaining({
      action: 'mend-event', by: 'oper', inputsJson: canonicalJson({ original: row.contentDigest, mended: mended!.mendedDigest, field: 'data.total', rule: 'data.total < 100.0', reason: 'unit' }), outcomeJson: canonicalJson({ status: 'accepted' }),
    })]);
  });

  it('answers what is on record when it is mended so again, at once or later, and refuses another content', async () => {
    const { event, id } = await quarantined();
    const data = { ...event.data, total: 9 };
    const answers = await Promise.all(Array.from({ length: 10 }, () => fix(id, { data })));
    await services.setTime(start + 5_000_000_000);
    answers.push(await fix(id, { data }, { reason: 'another', by: client }));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    await services.settle();
    expect(said().filter((record) => record.id === event.id)).toHaveLength(1);
    await expect(fix(id, { data: { ...data, total: 8 } })).rejects.toMatchObject({ code: 'conflict', details: { field: 'id', hint: expect.stringContaining('correction') } });
  });

  it('is told by "why"', async () => {
    const { event, id } = await quarantined();
    await fix(id, { data: { ...event.data, total: 2 } }, { reason: 'a slip' });
    const operations = connect(runtime.OperationsServiceClient, services.grpc, services.token('aud'));
    const { lines } = (await call(operations, 'explain', { service: 'ingestion', kind: 'event', id: `till/${event.id}` }, { deadline: 2_000 })) as runtime.ExplainResponse;
    operations.close();
    expect(lines).toEqual(expect.arrayContaining([
      `fact ${event.data.order}, revision 1`, expect.stringContaining(`rejected at 2001-04-10T`), expect.stringMatching(/^mended at 2001-04-10T\S+ by oper: accepted \(a slip\)$/),
    ]));
  });

  it('refuses what still breaks the contract, with the fault, and leaves it open', async () => {
    const { event, id, row } = await quarantined();
    const before = await counts();
    await expect(fix(id, { data: { ...event.data, total: 101 } })).rejects.toMatchObject({ code: 'rejected', details: { field: 'data.total', rule: 'data.total < 100.0', hint: 'total is in hundreds' } });
    expect((await get(id)).event).toEqual(row);
    expect(await counts()).toEqual(before);
  });

  it('knows a mended event again when its publisher sends it so', async () => {
    const { event, id } = await quarantined();
    const good = { ...event, data: { ...event.data, total: 6 } };
    await fix(id, { event: good });
    expect(await send(good)).toMatchObject({ status: 'duplicate' });
    expect(await send(event)).toMatchObject({ code: 'rejected' });
    expect(await list({ source: 'till' }).then((rows) => rows.filter(({ eventId }) => eventId === event.id))).toHaveLength(1);
  });

  it('leaves a record that was sent meanwhile as it is', async () => {
    const { event, id } = await quarantined();
    const good = { ...event, data: { ...event.data, total: 6 } };
    await send(good);
    await expect(fix(id, { data: { ...event.data, total: 5 } })).rejects.toMatchObject({ code: 'conflict', details: { field: 'id' } });
    expect(await fix(id, { event: good })).toMatchObject({ status: 'duplicate', event: { state: 'mended', outcome: 'duplicate' } });
    expect(await services.database('ingestion').query('SELECT mended_by FROM record WHERE id = $1', [event.id])).toEqual([{ mended_by: '' }]);
  });

  it('mends what is missing in the attributes, and keeps those that were right', async () => {
    const late = await quarantined({ total: 5 }, { time: '2001-06-01T00:00:00Z' });
    expect(late.row).toMatchObject({ field: 'time', rule: 'skew' });
    expect(await fix(late.id, { event: { ...late.event, time: '2001-04-08T00:00:00Z' } })).toMatchObject({ status: 'accepted' });
    const { event, id } = await quarantined();
    for (const change of [{ id: 'other' }, { source: 'bank' }, { type: 'bought' }, { time: '2001-04-07T00:00:00Z' }]) {
      const [[field, got]] = Object.entries(change);
      await expect(fix(id, { event: { ...event, data: { ...event.data, total: 1 }, ...change } })).rejects.toMatchObject({ code: 'invalid', details: { field, expected: event[field as 'id'], got } });
    }
  });

  it('reads what came in binary mode, and shows it as structured JSON', async () => {
    const { data, specversion, ...attributes } = anEvent({ total: 700 }, { subject: 'größer' });
    const headers = Object.fromEntries(Object.entries({ ...attributes, specversion }).map(([name, value]) => [`ce-${name}`, encodeURIComponent(value as string)]));
    expect(await send(data, { ...headers, 'content-type': 'application/json' })).toMatchObject({ code: 'rejected', field: 'data.total' });
    const [{ id, headers: kept }] = await list({ source: 'till', state: 'open' });
    expect(kept['ce-subject'].toString()).toBe('gr%C3%B6%C3%9Fer');
    expect(JSON.parse((await get(id)).eventJson)).toEqual({ ...attributes, specversion, data, datacontenttype: 'application/json' });
    expect(await fix(id, { data: { ...data, total: 3 } })).toMatchObject({ status: 'accepted' });
  });

  it('is for developers, operators, admins, and the publisher of that source', async () => {
    const { event, id } = await quarantined({ total: 700 });
    for (const [name, code] of [['aud', 'forbidden'], ['airline', 'forbidden'], ['gate', 'forbidden']]) {
      const other = as(name);
      await expect(fix(id, { data: { ...event.data, total: 1 } }, { by: other })).rejects.toMatchObject({ code });
      await expect(replay({ ids: [id] }, other)).rejects.toMatchObject({ code });
      other.close();
    }
    await apply(spec(), 'airline');
    const own = await quarantined({ total: 700 }, { source: 'airline' });
    const airline = as('airline');
    expect(await list({}, airline).then((rows) => new Set(rows.map(({ source }) => source)))).toEqual(new Set(['airline']));
    await expect(get(id, airline)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await fix(own.id, { data: { ...own.event.data, total: 1 } }, { by: airline })).toMatchObject({ status: 'accepted', event: { mendedBy: 'airline' } });
    airline.close();
  });
});

describe('replaying the quarantine', () => {
  it('takes in under a mended contract what it refuses no more, and says what stays', async () => {
    await apply(spec(), 'wide');
    const [a, b, c] = [await quarantined({ total: 150 }, { source: 'wide' }), await quarantined({ total: 900 }, { source: 'wide' }), await quarantined({ total: 160 }, { source: 'wide' })];
    expect((await replay({ source: 'wide' })).events.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await apply(spec(200), 'wide');
    const before = await counts();
    const answer = [[a.id, 'accepted'], [b.id, 'rejected'], [c.id, 'accepted']];
    expect((await replay({ source: 'wide', dryRun: true })).events.map(({ id, status }) => [id, status])).toEqual(answer);
    expect(await counts()).toEqual(before);
    const { events, left } = await replay({ source: 'wide', reason: 'the limit was wrong' });
    expect([events.map(({ id, status }) => [id, status]), left]).toEqual([answer, 0]);
    expect(events[1]).toMatchObject({ field: 'data.total', rule: 'data.total < 200.0', hint: 'total is in hundreds' });
    expect(await counts()).toEqual({ ...before, mended: before.mended + 2 });
    expect((await list({ source: 'wide', state: 'mended' })).map(({ eventId, mendedBy, reason }) => [eventId, mendedBy, reason])).toEqual([c, a].map(({ event }) => [event.id, 'oper', 'the limit was wrong']));
    expect((await replay({ ids: [a.id, b.id] })).events.map(({ status }) => status)).toEqual(['accepted', 'rejected']);
    expect(await counts()).toEqual({ ...before, mended: before.mended + 2 });
  });

  it('takes in many as they are put right, each with an outcome of its own, and says the same again', async () => {
    const [a, b, c, d] = [await quarantined(), await quarantined(), await quarantined(), await quarantined()];
    const right = ({ id, event }: typeof a, total: unknown) => ({ id, eventJson: '', dataJson: JSON.stringify({ ...event.data, total }) });
    const mended = [right(a, 1), right(b, 800), { ...right(c, 2), eventJson: '{}' }, right(d, 3)];
    const before = said().length;
    const answer = [['accepted', ''], ['rejected', 'data.total'], ['invalid', 'event_json'], ['accepted', '']];
    const outcomes = async (change: object = {}) => (await replay({ mended, reason: 'in cents', ...change })).events.map(({ status, field }) => [status, field]);
    expect(await outcomes({ dryRun: true })).toEqual(answer);
    expect(await outcomes()).toEqual(answer);
    expect(await outcomes()).toEqual(answer);
    await services.settle();
    expect(said().slice(before).map(({ id, mendedBy, dataJson }) => [id, mendedBy, dataJson])).toEqual([a, d].map(({ event }, index) => [event.id, 'oper', canonicalJson({ ...event.data, total: [1, 3][index] })]));
    expect((await replay({ mended: [right(a, 9)] })).events).toEqual([expect.objectContaining({ status: 'conflict', message: expect.stringContaining('was mended with other content by oper') })]);
    expect(await fix(d.id, { data: { ...d.event.data, total: 3 } })).toMatchObject({ status: 'accepted', event: { reason: 'in cents' } });
  });

  it('goes through them in pages, by filter', async () => {
    await apply(spec(), 'pages');
    for (let index = 0; index < 5; index++) await quarantined({ total: 150 }, { source: 'pages' });
    const first = await replay({ source: 'pages', type: 'sold', code: 'rejected', limit: 2 });
    expect([first.events.length, first.left]).toEqual([2, 3]);
    const second = await replay({ source: 'pages', limit: 3, after: first.events[1].id });
    expect([second.events.length, second.left]).toEqual([3, 0]);
    expect((await replay({ source: 'pages', type: 'bought' })).events).toEqual([]);
  });

  it('cannot take in another content of an id, and says what to do', async () => {
    const event = anEvent();
    await send(event);
    await send({ ...event, data: { ...event.data, total: 6 } });
    const [{ id }] = await list({ source: 'till', code: 'conflict' });
    const refusal = { field: 'id', hint: expect.stringMatching(/^Send a correction: an event with a new id, the identity of the fact, and a higher revision/) };
    expect((await replay({ ids: [id] })).events).toEqual([expect.objectContaining({ id, status: 'conflict', ...refusal })]);
    expect((await replay({ source: 'till', code: 'conflict' })).events).toMatchObject([{ id, status: 'conflict' }]);
    expect((await replay({ source: 'till' })).events.some((one) => one.id === id)).toBe(false);
    await expect(fix(id, { event })).rejects.toMatchObject({ code: 'conflict', details: refusal });
  });

  it('takes one of two contents that were kept of one id', async () => {
    await apply(spec(), 'twice');
    const { event, id } = await quarantined({ total: 150 }, { source: 'twice' });
    await send({ ...event, data: { ...event.data, total: 160 } });
    await apply(spec(200), 'twice');
    const [other, first] = (await list({ source: 'twice' })).map(({ contentDigest }) => `content ${contentDigest}`);
    const taken = [expect.objectContaining({ id, status: 'accepted' }), expect.objectContaining({ status: 'conflict', expected: first, got: other })];
    expect((await replay({ source: 'twice', dryRun: true })).events).toEqual(taken);
    expect((await replay({ source: 'twice' })).events).toEqual(taken);
  });
});

describe('what bad input gets', () => {
  const bad: [string, object, () => Promise<unknown>][] = [
    ['an id that is none', { code: 'invalid', details: { field: 'id', got: 'x' } }, () => get('x')],
    ['an id that nothing has', { code: 'not_found', details: { field: 'id', hint: 'rhei quarantine list' } }, () => get('999999')],
    ['a fix of nothing', { code: 'not_found' }, () => fix('999999', { data: {} })],
    ['a fix without content', { code: 'invalid', details: { field: 'event_json', got: 'neither' } }, async () => fix((await quarantined()).id, {})],
    ['a fix with two contents', { code: 'invalid', details: { got: 'both' } }, async () => fix((await quarantined()).id, { event: {}, data: {} })],
    ['data that is no JSON', { code: 'invalid', details: { field: 'data_json' } }, async () => fix((await quarantined()).id, { data: '{"a":' })],
    ['data too large', { code: 'too_large', details: { field: 'data_json' } }, async () => fix((await quarantined()).id, { data: { text: 'x'.repeat(300_000) } })],
    ['an event that is none', { code: 'invalid', details: { field: 'specversion' } }, async () => fix((await quarantined()).id, { event: { id: 'a' } })],
    ['a long reason', { code: 'invalid', details: { field: 'reason', expected: 'at most 500 characters, without NUL', got: '501 characters', hint: expect.any(String) } }, async () => fix((await quarantined()).id, { data: {} }, { reason: 'x'.repeat(501) })],
    ['a replay of what is not there', { code: 'not_found', details: { field: 'ids', got: '999999' } }, () => replay({ ids: ['999999'] })],
    ['a replay of no id', { code: 'invalid', details: { field: 'ids', got: '-1' } }, () => replay({ ids: ['-1'] })],
    ['a replay of ids and a filter', { code: 'invalid', details: { field: 'ids', got: 'both', hint: expect.any(String) } }, () => replay({ ids: ['1'], source: 'till' })],
    ['too many ids', { code: 'invalid', details: { field: 'ids', expected: 'at most 1000', hint: expect.any(String) } }, () => replay({ ids: Array.from({ length: 1_001 }, (_, index) => `${index}`) })],
    ['ids beside what is put right', { code: 'invalid', details: { field: 'mended', expected: 'ids or mended', hint: expect.any(String) } }, () => replay({ ids: ['1'], mended: [{ id: '2', eventJson: '{}', dataJson: '' }] })],
    ['one event put right twice', { code: 'invalid', details: { field: 'mended', expected: 'each id once', hint: expect.any(String) } }, () => replay({ mended: ['2', '02'].map((id) => ({ id, eventJson: '{}', dataJson: '' })) })],
    ['what is not there put right', { code: 'not_found', details: { field: 'mended', got: '999999' } }, () => replay({ mended: [{ id: '999999', eventJson: '{}', dataJson: '' }] })],
    ['a limit out of range', { code: 'invalid', details: { field: 'limit', got: '1001', hint: expect.any(String) } }, () => replay({ limit: 1_001 })],
    ['a page after nothing', { code: 'invalid', details: { field: 'after', got: 'x', hint: expect.stringContaining('rhei quarantine list') } }, () => replay({ after: 'x' })],
    ['a state that is none', { code: 'invalid', details: { field: 'state', expected: 'open or mended', hint: expect.any(String) } }, () => list({ state: 'gone' })],
  ];
  it.each(bad)('%s', async (_what, refusal, act) => {
    await expect(act()).rejects.toMatchObject(refusal);
  });
});
