import { CloudEvent, Kafka } from 'cloudevents';
import { upstreamOf, type Transaction } from '@rhei/runtime';
import { eventually, openDatabase, type TestDatabase } from '@rhei/testing';
import { FakeTopics } from '../spec/fake-topics';
import { asRead, fromPackage, plain, type Written } from '../spec/topic-writer';
import { acceptEvents } from './accept-events';
import { readCloudEvent } from './cloud-event';
import { IngestionModule } from './index';
import { listQuarantine } from './quarantine.store';
import { sourceResource } from './source.resource';
import { sourceSpec, type SourceSpec } from './source';
import { ContractStore } from './source.store';
import { UpstreamReader } from './upstream-reader';

const lines: { about: object; message: string }[] = [];
const keep = (about: object, message: string) => void lines.push({ about, message });
const log = { debug: keep, info: keep, warn: keep, error: keep };
const spec = (more: object = {}): SourceSpec => sourceSpec.parse({
  owner: 'sales', topic: 'upstream.shop',
  events: { 'order.placed': { key: 'data.customer', schema: { type: 'object', required: ['customer', 'amount'], properties: { customer: { type: 'string' }, amount: { type: 'number' } } }, expect: [{ rule: 'data.amount > 0.0', hint: 'amounts are positive' }] } },
  ...more,
});
jest.setTimeout(30_000);
let count = 0;
const order = (more: object = {}, data: object = {}) => ({ specversion: '1.0', source: 'shop', id: `o${(count += 1)}`, type: 'order.placed', time: '2001-01-01T00:00:00Z', data: { customer: 'c', amount: 1.5, ...data }, ...more });

describe('a source with a topic of its own', () => {
  let database: TestDatabase;
  let topics: FakeTopics;
  const started: { reader: UpstreamReader; kill(): void }[] = [];

  /** One process of the service, as far as topics go. */
  const aProcess = (doorOf = () => topics.door()) => {
    const door = doorOf();
    const contracts = new ContractStore();
    const reader = new UpstreamReader({ database, contracts, upstream: upstreamOf('ingestion', door as never, database as never, log), log });
    const one = { reader, contracts, database, watermarkInterval: 10_000_000, upstreamReader: reader, kill: () => door.kill() };
    started.push(one);
    return one;
  };
  const apply = (deps: ReturnType<typeof aProcess>, name: string, given: SourceSpec, version = 1) =>
    database.transaction((tx) => sourceResource.applied(deps as never, { name, spec: given, version }, tx));
  const write = (written: Written, more?: Parameters<FakeTopics['write']>[2]) => topics.write('upstream.shop', asRead(written), more);
  const ids = async () => (await database.query<{ id: string }>('SELECT id FROM record ORDER BY id COLLATE "C"')).map(({ id }) => id);
  const position = async (partition = 0) => (await database.query<{ next: number }>('SELECT next FROM position WHERE consumer = $1 AND topic = $2 AND partition = $3', ['ingestion.upstream', 'upstream.shop', partition]))[0]?.next ?? 0;
  const readUpTo = (offset: number) => eventually(`the topic is read up to ${offset}`, async () => (await position()) > offset);
  const quarantine = async () => (await listQuarantine(database, { limit: 100 })).events.reverse();

  beforeEach(async () => {
    database = await openDatabase(IngestionModule);
    topics = new FakeTopics();
    topics.create('upstream.shop', 2);
    lines.length = 0;
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map(({ reader }) => reader.stop()));
    await database.close();
  });

  it('publishes there as the package and as a plain client write, and each event is taken once, by whatever way it comes', async () => {
    const process = aProcess();
    await apply(process, 'shop', spec());
    process.reader.start();
    const [a, b, c, d] = [order(), order(), order(), order()];
    write(fromPackage(Kafka.binary(new CloudEvent(a))));
    write(fromPackage(Kafka.structured(new CloudEvent(b))));
    write(plain.binary(c, 'c'));
    write(plain.structured(d));
    // The same by HTTP, before and after, and in the topic again.
    const byHttp = (event: object) => acceptEvents(process as never, [{ event: readCloudEvent(event), original: Buffer.from(JSON.stringify(event)), sender: 'airline', traceparent: '' }]);
    const last = write(plain.binary({ ...a, time: '2001-01-01T00:00:00.000Z' }));
    await readUpTo(last);
    expect(await byHttp(b)).toMatchObject([{ status: 'duplicate' }]);
    const e = order();
    expect(await byHttp(e)).toMatchObject([{ status: 'accepted' }]);
    await readUpTo(write(plain.structured(e)));
    expect(await ids()).toEqual([a, b, c, d, e].map(({ id }) => id).sort());
    expect(await quarantine()).toEqual([]);
    const said = await database.query<{ headers: { ce_type: string } }>('SELECT headers FROM outbox');
    expect(said.some(({ headers }) => headers.ce_type === 'rhei.ingestion.record-accepted.v1')).toBe(true);
    const [{ arrival, recorded_at }] = await database.query<{ arrival: number; recorded_at: number }>('SELECT arrival, recorded_at FROM record LIMIT 1');
    expect([arrival, Math.abs(arrival - Date.now() * 1000) < 60e6]).toEqual([recorded_at, true]);
  });

  it('holds what is there to the contract; poison goes to quarantine with where it stood, and what follows goes on', async () => {
    const process = aProcess();
    await apply(process, 'shop', spec());
    process.reader.start();
    const [good, broken, conflicting] = [order(), order({}, { amount: -1 }), order()];
    const places = [
      write(plain.binary(good)),
      write({ key: 'kéy', headers: { 'content-type': 'text/plain', own: 'header' }, value: Buffer.from([0xff, 0x00]) }),
      write(plain.binary(broken)),
      write(plain.binary(order({ source: 'bank' }))),
      write(plain.binary(order({ type: 'order.eaten' }))),
      write(plain.binary({ ...good, data: { customer: 'c', amount: 99 } })),
      write({ ...plain.binary(order()), value: null }),
      write({ key: null, headers: { 'ce_a\0b': 'x', ce_id: 'z' }, value: Buffer.from('\0') }),
      write(plain.binary(order({ id: 'x'.repeat(9_000) }))),
    ];
    const last = write(plain.binary(conflicting), { gap: 7 });
    await readUpTo(last);
    expect(await ids()).toEqual([good.id, conflicting.id].sort());
    const rows = await quarantine();
    expect(rows.map(({ code, stood }) => [code, stood!.offset]).sort((x, y) => Number(x[1]) - Number(y[1]))).toEqual([
      ['invalid', places[1]], ['rejected', places[2]], ['forbidden', places[3]], ['not_found', places[4]], ['conflict', places[5]], ['rejected', places[6]], ['invalid', places[7]], ['invalid', places[8]],
    ]);
    expect(rows.every(({ source, sender }) => source === 'shop' && sender === 'topic:upstream.shop')).toBe(true);
    expect(rows.find(({ stood }) => stood!.offset === places[1])).toMatchObject({ original: Buffer.from([0xff, 0x00]), headers: { own: Buffer.from('header') }, stood: { topic: 'upstream.shop', partition: 0, key: Buffer.from('kéy') } });
    expect(rows.find(({ code }) => code === 'forbidden')).toMatchObject({ field: 'source', rule: 'one topic, one source', hint: expect.stringContaining('publisher:bank') });
    expect(rows.find(({ code }) => code === 'rejected')).toMatchObject({ eventId: broken.id, rule: 'data.amount > 0.0', hint: 'amounts are positive' });
  });

  it('sets aside one record that cannot be taken for no reason that it knows, and goes on', async () => {
    const process = aProcess();
    await apply(process, 'shop', spec());
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 'cursed' THEN RAISE EXCEPTION 'no luck with %', NEW.id; END IF; RETURN NEW; END $$`);
    await database.query('CREATE TRIGGER refuse BEFORE INSERT ON record FOR EACH ROW EXECUTE FUNCTION refuse()');
    process.reader.start();
    const [before, after] = [order(), order()];
    write(plain.binary(before));
    const place = write(plain.binary(order({ id: 'cursed' })));
    await readUpTo(write(plain.binary(after)));
    expect(await ids()).toEqual([before.id, after.id].sort());
    expect(await quarantine()).toMatchObject([{ code: 'internal', eventId: 'cursed', hint: expect.stringContaining('no luck with cursed'), stood: { offset: place } }]);
  });

  it('loses nothing and takes nothing twice when processes end in the middle', async () => {
    const first = aProcess();
    await apply(first, 'shop', spec());
    const all: string[] = [];
    for (let index = 0; index < 200; index++) {
      const event = order();
      all.push(event.id);
      write(plain.binary(event), { partition: index % 2 });
    }
    first.reader.start();
    for (const after of [20, 60, 110]) {
      const next = aProcess();
      next.reader.start();
      await eventually('some are in', async () => (await ids()).length >= after);
      started.at(-2)!.kill();
    }
    await eventually('all are in', async () => (await ids()).length === 200);
    expect(await ids()).toEqual(all.sort());
    const [{ said }] = await database.query<{ said: number }>(`SELECT count(*) AS said FROM outbox WHERE headers ->> 'ce_type' = 'rhei.ingestion.record-accepted.v1'`);
    expect(said).toBeGreaterThan(0);
    expect([await position(0), await position(1)]).toEqual([100, 100]);
    expect(await quarantine()).toEqual([]);
  });

  it('is followed as it changes, while the service runs', async () => {
    const process = aProcess();
    process.reader.start();
    await apply(process, 'shop', spec());
    await eventually('its topic is read', () => topics.subscribed.join() === 'upstream.shop', 1_000);
    await apply(process, 'shop', spec({ topic: 'upstream.shop-2' }), 2);
    await eventually('the old one is left, and it says that the new one is not there', () => topics.subscribed.length === 0 && lines.some(({ about, message }) => message.includes('cannot be read') && JSON.stringify(about).includes('shop-2')));
    topics.create('upstream.shop-2');
    await eventually('the new one is read once it is there', () => topics.subscribed.join() === 'upstream.shop-2', 5_000);
    await apply(process, 'shop', spec({ topic: undefined }), 3);
    await eventually('none is read', () => topics.subscribed.length === 0);
    expect(lines.filter(({ message }) => message.includes('cannot be read'))).toHaveLength(1);
  });

  it('is refused where its topic cannot be its own, or cannot be read', async () => {
    const process = aProcess();
    await apply(process, 'shop', spec());
    const problems = (deps: object, name: string, topic: string) => sourceResource.check(deps as never, { name, spec: spec({ topic }) }, { find: () => undefined });
    expect(await problems(process, 'shop', 'upstream.shop')).toEqual([]);
    expect(await problems(process, 'bank', 'upstream.shop')).toMatchObject([{ path: '/spec/topic', message: 'The topic "upstream.shop" belongs to source "shop".' }]);
    expect(await problems(process, 'shop', 'ingestion.records')).toMatchObject([{ path: '/spec/topic', message: expect.stringContaining('between the services') }]);
    const without = { ...process, upstreamReader: new UpstreamReader({ database, contracts: process.contracts, upstream: upstreamOf('ingestion', {} as never, database as never, log), log }) };
    expect(await problems(without, 'shop', 'upstream.shop')).toMatchObject([{ path: '/spec/topic', hint: expect.stringContaining('POST /ingestion/events') }]);
    expect(await sourceResource.check(without as never, { name: 'shop', spec: spec({ topic: undefined }) }, { find: () => undefined })).toEqual([]);
    for (const topic of ['', 'with space', '..', '__consumer_offsets', 'x'.repeat(250), 'a/b']) expect(() => spec({ topic })).toThrow(/name of a Kafka topic/);
    await expect(database.transaction((tx: Transaction) => sourceResource.applied(process as never, { name: 'bank', spec: spec(), version: 1 }, tx))).rejects.toMatchObject({ code: 'conflict' });
  });
});
