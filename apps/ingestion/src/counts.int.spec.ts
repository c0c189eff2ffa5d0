import fc from 'fast-check';
import { ingestion } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { applyResources, call, connect } from '@rhei/runtime';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { IngestionModule } from './index';

const start = instant('2001-04-10T00:00:00Z');
const spec = (most: number) => ({
  owner: 'ops', events: { read: { key: 'data.meter', identity: `data.meter + '/' + data.fact`, revision: 'data.n', withdrawn: 'data.n == 3.0', schema: { type: 'object' }, expect: [{ rule: `data.value < ${most}.0` }] } },
});
type Content = { id: number; fact: string; n: number; value: number };
type Act = { send: Content[] } | { fix: number; value: number } | { replay: true } | { widen: number };

let services: RunningServices;
let client: ingestion.IngestionServiceClient;
let round = 0;
const counts = (): Promise<Record<string, number>> => {
  const { definition, deps } = services.running.services.get('ingestion')!;
  return definition.counts!(deps);
};

beforeAll(async () => {
  services = await startServices([IngestionModule], { clock: 'replay', at: start });
  client = connect(ingestion.IngestionServiceClient, services.grpc, services.token('admin'));
}, 60_000);
afterAll(async () => {
  client?.close();
  await services?.stop();
});

const content = fc.record({ id: fc.nat(4), fact: fc.constantFrom('f', 'g'), n: fc.integer({ min: 1, max: 3 }), value: fc.constantFrom(1, 2, 150, 900) });
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ send: fc.array(content, { minLength: 1, maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ fix: fc.nat(9), value: fc.constantFrom(1, 2, 900) }) },
  { weight: 1, arbitrary: fc.constant<Act>({ replay: true }) },
  { weight: 1, arbitrary: fc.record({ widen: fc.constantFrom(100, 200) }) },
);

/** A source of its own for each run: what it sent, and what it was answered. */
class Publisher {
  readonly source = `meter-${++round}`;
  sent = 0;
  duplicates = 0;
  private readonly quarantined = new Set<string>();

  apply = (most: number) => applyResources(services.running.services.get('ingestion')!, [{ kind: 'Source', name: this.source, specJson: canonicalJson(spec(most)), version: 0 }], 'dev');
  rows = async () => ((await call(client, 'listQuarantine', { source: this.source, type: '', code: '', state: '', limit: 1_000, after: '' }, { deadline: 2_000 })) as ingestion.ListQuarantineResponse).events;

  async send(contents: Content[]): Promise<void> {
    const events = contents.map(({ id, ...data }) => ({ specversion: '1.0', source: this.source, id: `e${id}`, type: 'read', time: '2001-04-08T00:00:00Z', data: { meter: this.source, ...data } }));
    const response = await fetch(`${services.http}/ingestion/events`, { method: 'POST', headers: { authorization: `Bearer ${services.token('admin')}`, 'content-type': 'application/cloudevents-batch+json' }, body: JSON.stringify(events) });
    const answers = (await response.json()) as { status: string }[];
    this.sent += answers.length;
    answers.forEach(({ status }, index) => {
      const text = canonicalJson(events[index]);
      if (status === 'duplicate' || (status !== 'accepted' && this.quarantined.has(text))) this.duplicates += 1;
      else if (status !== 'accepted') this.quarantined.add(text);
    });
  }

  async fix(at: number, value: number): Promise<void> {
    const row = (await this.rows()).at(at);
    if (row === undefined) return;
    const { data } = JSON.parse(Buffer.from(row.original).toString()) as { data: object };
    await call(client, 'fixQuarantined', { id: row.id, eventJson: '', dataJson: JSON.stringify({ ...data, value }), reason: '' }, { deadline: 2_000 }).catch(({ code }: { code: string }) => expect(['rejected', 'conflict']).toContain(code));
  }

  replay = () => call(client, 'replayQuarantined', { ids: [], mended: [], source: this.source, type: '', code: '', limit: 0, after: '', dryRun: false, reason: '' }, { deadline: 2_000 });
}

it('keeps the counts whatever is sent, corrected, mended and replayed, and says each record once', async () => {
  const told: { source: string; expected: number }[] = [];
  await fc.assert(fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 12 }), async (acts) => {
    const publisher = new Publisher();
    await publisher.apply(100);
    const before = await counts();
    for (const one of acts) {
      if ('send' in one) await publisher.send(one.send);
      else if ('fix' in one) await publisher.fix(one.fix, one.value);
      else if ('widen' in one) await publisher.apply(one.widen);
      else await publisher.replay();
    }
    const after = await counts();
    const [accepted, quarantined, mended] = ['accepted', 'quarantined', 'mended'].map((name) => after[name] - before[name]);
    expect(accepted + publisher.duplicates + quarantined).toBe(publisher.sent);
    const rows = await publisher.rows();
    expect([rows.length, rows.filter(({ outcome }) => outcome === 'accepted').length]).toEqual([quarantined, mended]);
    told.push({ source: publisher.source, expected: accepted + mended });
  }), { seed: 6, numRuns: 15, endOnFailure: true });

  await services.settle();
  const all = services.published('RecordAccepted').flatMap(({ records }) => records);
  for (const { source, expected } of told) {
    const said = all.filter((record) => record.source === source);
    const records = await services.database('ingestion').query<{ id: string; mended_by: string; content_digest: string }>('SELECT id, mended_by, content_digest FROM record WHERE source = $1 ORDER BY id', [source]);
    expect(records.length).toBe(expected);
    expect(said.map(({ id, mendedBy, contentDigest }) => ({ id, mended_by: mendedBy, content_digest: contentDigest })).sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(records);
    // Of each fact one record supersedes nothing, each other one that was there.
    for (const fact of new Set(said.map(({ identity }) => identity))) {
      const revisions = said.filter(({ identity }) => identity === fact);
      expect(revisions.filter(({ supersedes }) => supersedes === '')).toHaveLength(1);
      for (const { supersedes, id } of revisions) expect(['', ...revisions.map((one) => one.id).filter((other) => other !== id)]).toContain(supersedes);
    }
  }
}, 60_000);

it('takes no event that is refused for what a record supersedes', async () => {
  const publisher = new Publisher();
  await publisher.apply(100);
  await publisher.send([{ id: 1, fact: 'f', n: 1, value: 1 }]);
  // The first has an id that is known with other content: it is a conflict, and says nothing about "g".
  await publisher.send([{ id: 1, fact: 'g', n: 1, value: 1 }, { id: 2, fact: 'g', n: 2, value: 1 }]);
  await services.settle();
  const said = services.published('RecordAccepted').flatMap(({ records }) => records).filter(({ source }) => source === publisher.source);
  expect(said.map(({ id, supersedes }) => ({ id, supersedes }))).toEqual([{ id: 'e1', supersedes: '' }, { id: 'e2', supersedes: '' }]);
  expect(await services.database('ingestion').query('SELECT id, supersedes FROM record WHERE source = $1 ORDER BY id', [publisher.source])).toEqual([{ id: 'e1', supersedes: '' }, { id: 'e2', supersedes: '' }]);
});
