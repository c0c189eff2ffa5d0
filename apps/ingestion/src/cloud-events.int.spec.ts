import { CloudEvent, emitterFor, HTTP, httpTransport, Mode } from 'cloudevents';
import { canonicalJson } from '@rhei/expressions';
import { applyResources } from '@rhei/runtime';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { IngestionModule } from './index';

const start = instant('2001-03-04T06:00:00Z');
const spec = { owner: 'sales', events: { 'order.placed': { key: 'subject', identity: 'data.order', schema: { type: 'object', properties: { amount: { type: 'number' } } }, expect: [{ rule: 'data.amount > 0.0', hint: 'amounts are positive' }] } } };

let services: RunningServices;
let next = 0;
const anEvent = (change: object = {}) => {
  const order = `ö-${++next}`;
  return { id: `e-${next}`, source: 'airline', type: 'order.placed', subject: `süb "${next}" 50%`, time: '2001-03-04T05:06:07.000Z', partitionkey: 'k', data: { order, amount: 3.5, text: 'ümläut "quoted"', nested: { list: [1, null] } }, ...change };
};
const headers = () => ({ authorization: `Bearer ${services.token('airline')}` });
const url = () => `${services.http}/ingestion/events`;
/** As the package sends it, to the real door. */
const emit = async (event: CloudEvent<unknown>, mode: Mode) => {
  const { body } = (await emitterFor(httpTransport(url()), { mode })(event, { headers: headers() })) as { body: string };
  return JSON.parse(body) as Record<string, unknown>;
};
const post = async (type: string, body: string, more: Record<string, string> = {}) => {
  const response = await fetch(url(), { method: 'POST', headers: { ...headers(), 'content-type': type, ...more }, body });
  return { status: response.status, answer: (await response.json()) as any };
};
const said = async (id: string) => {
  await services.settle();
  return services.published('RecordAccepted').flatMap(({ records }) => records).filter((record) => record.id === id);
};
const records = async () => (await services.database('ingestion').query<{ count: number }>('SELECT count(*) AS count FROM record'))[0].count;

beforeAll(async () => {
  services = await startServices([IngestionModule], { clock: 'replay', at: start });
  await applyResources(services.running.services.get('ingestion')!, [{ kind: 'Source', name: 'airline', specJson: canonicalJson(spec), version: 0 }], 'dev');
}, 60_000);
afterAll(() => services?.stop());

describe('the public package publishes', () => {
  it.each([Mode.STRUCTURED, Mode.BINARY])('an event in %s mode, which is read back as it was', async (mode) => {
    // It writes headers as Node does, without encoding: what Latin-1 and a percent sign mean there is settled below.
    const event = anEvent({ subject: 'süb' });
    expect(await emit(new CloudEvent(event), mode)).toEqual({ id: event.id, source: 'airline', status: 'accepted', shard: expect.any(Number), arrival: '2001-03-04T06:00:00Z' });
    expect(await said(event.id)).toEqual([expect.objectContaining({ source: 'airline', type: 'order.placed', subject: 'süb', key: 'süb', identity: event.data.order, eventTime: instant(event.time), dataJson: canonicalJson(event.data) })]);
    expect(await emit(new CloudEvent(event), mode)).toMatchObject({ status: 'duplicate' });
  });

  it('one content, whichever mode it comes in', async () => {
    const event = anEvent({ subject: 'süb' });
    expect(await emit(new CloudEvent(event), Mode.BINARY)).toMatchObject({ status: 'accepted' });
    expect(await emit(new CloudEvent(event), Mode.STRUCTURED)).toMatchObject({ status: 'duplicate' });
    const { headers: written, body } = HTTP.structured(new CloudEvent(event));
    expect((await post('application/cloudevents-batch+json', `[${body as string}]`)).answer).toMatchObject([{ status: 'duplicate' }]);
    expect(written['content-type']).toMatch(/^application\/cloudevents\+json/);
    expect(await emit(new CloudEvent({ ...event, data: { ...event.data, amount: 4 } }), Mode.BINARY)).toMatchObject({ status: 409, code: 'conflict', field: 'id' });
  });

  it('a batch, and each event is answered, in order', async () => {
    const [a, b] = [anEvent(), anEvent({ data: { order: 'x', amount: -1 } })];
    const batch = [a, b, { ...a }].map((event) => new CloudEvent(event));
    const body = JSON.stringify(batch);
    // What is sent is a batch by the package's own reading.
    const read = HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents-batch+json' }, body }) as CloudEvent<unknown>[];
    expect(read.map(({ id }) => id)).toEqual([a.id, b.id, a.id]);
    const { status, answer } = await post('application/cloudevents-batch+json; charset=utf-8', body);
    expect(status).toBe(200);
    expect(answer).toMatchObject([{ id: a.id, status: 'accepted' }, { id: b.id, status: 'rejected', error: { field: 'data.amount', rule: 'data.amount > 0.0', hint: 'amounts are positive' } }, { id: a.id, status: 'duplicate' }]);
    expect(await said(a.id)).toHaveLength(1);
  });

  it('an event that breaks its contract, and is told how in each mode', async () => {
    for (const mode of [Mode.STRUCTURED, Mode.BINARY]) {
      expect(await emit(new CloudEvent(anEvent({ subject: 's', data: { order: 'o', amount: -1 } })), mode)).toMatchObject({ status: 422, code: 'rejected', field: 'data.amount', rule: 'data.amount > 0.0' });
    }
  });
});

describe('binary mode by HTTP', () => {
  const attributes = ({ data: _data, ...rest }: ReturnType<typeof anEvent>): Record<string, string> => ({ specversion: '1.0', ...rest });
  const inHeaders = (values: Record<string, string>, write: (text: string) => string) => Object.fromEntries(Object.entries(values).map(([name, value]) => [`ce-${name}`, write(value)]));

  it.each<[string, (text: string) => string]>([
    ['percent-encoding', encodeURIComponent],
    ['percent-encoding in small letters', (text) => encodeURIComponent(text).replace(/%[0-9A-F]{2}/g, (pair) => pair.toLowerCase())],
    ['a quoted string', (text) => `"${text.replace(/["\\]/g, '\\$&').replace(/[^ -~]|%/gu, encodeURIComponent)}"`],
    ['UTF-8 as it is', (text) => Buffer.from(text.replaceAll('%', '%25').replaceAll('"', '%22')).toString('latin1')],
  ])('reads attributes by %s', async (_way, write) => {
    const event = anEvent();
    expect(await post('application/json', JSON.stringify(event.data), inHeaders(attributes(event), write))).toMatchObject({ status: 200, answer: { status: 'accepted', id: event.id } });
    expect(await said(event.id)).toEqual([expect.objectContaining({ subject: event.subject, dataJson: canonicalJson(event.data) })]);
  });

  it('keeps a percent sign that encodes nothing, and undoes the encoding once', async () => {
    for (const [written, meant] of [['100%', '100%'], ['%zz', '%zz'], ['%2541', '%41']]) {
      const event = anEvent({ subject: 'x' });
      await post('application/json', JSON.stringify(event.data), { ...inHeaders(attributes(event), (text) => text), 'ce-subject': written });
      expect(await said(event.id)).toMatchObject([{ subject: meant }]);
    }
  });

  it('takes a body without a content type for JSON, and a media type that ends in +json', async () => {
    for (const type of ['', 'application/vnd.order+json; charset=utf-8']) {
      const event = anEvent({ subject: 'x' });
      const response = await fetch(url(), { method: 'POST', headers: { ...headers(), ...inHeaders(attributes(event), (text) => text), ...(type && { 'content-type': type }) }, body: Buffer.from(JSON.stringify(event.data)) });
      expect([response.status, await response.json()]).toMatchObject([200, { status: 'accepted' }]);
    }
  });

  it.each<[string, number, object, string, string, Record<string, string | undefined>]>([
    ['no JSON', 400, { field: 'data' }, 'application/json', '{"a"', {}],
    ['data that is not JSON', 400, { field: 'content-type', expected: 'application/json' }, 'text/csv', '1,2', {}],
    ['no version', 400, { field: 'specversion' }, 'application/json', '{}', { specversion: undefined }],
    ['another version', 400, { field: 'specversion', got: '"0.3"' }, 'application/json', '{}', { specversion: '0.3' }],
    ['no id', 400, { field: 'id' }, 'application/json', '{}', { id: undefined }],
    ['an empty id', 400, { field: 'id' }, 'application/json', '{}', { id: '' }],
    ['a time that is none', 400, { field: 'time' }, 'application/json', '{}', { time: 'yesterday' }],
    ['a control character', 400, { field: 'subject' }, 'application/json', '{}', { subject: '%00' }],
    ['data in a header', 400, { field: 'ce-data' }, 'application/json', '{}', { data: '{}' }],
    ['a name that is none', 400, { field: 'my-name' }, 'application/json', '{}', { 'my-name': 'x' }],
    ['no data', 422, { code: 'rejected', field: 'data' }, 'application/json', '', {}],
    ['too much data', 413, { code: 'too_large' }, 'application/json', JSON.stringify('x'.repeat(256 * 1024)), {}],
    ['too deep data', 400, { expected: 'at most 31 levels' }, 'application/json', `${'['.repeat(40)}${']'.repeat(40)}`, {}],
    ["another's source", 403, { code: 'forbidden', field: 'source' }, 'application/json', '{}', { source: 'railway' }],
  ])('answers %s with %i', async (_what, status, problem, type, body, change) => {
    const before = await records();
    const values = Object.fromEntries(Object.entries({ ...attributes(anEvent({ subject: 'x' })), ...change }).filter(([, value]) => value !== undefined)) as Record<string, string>;
    expect(await post(type, body, inHeaders(values, (text) => text))).toMatchObject({ status, answer: { status, ...problem } });
    expect(await records()).toBe(before);
  });
});
