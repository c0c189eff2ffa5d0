import { conflict, ingestion, notFound } from '@rhei/contracts';
import { service } from '@rhei/runtime';
import { startServices, type RunningServices } from '@rhei/testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { run } from './run';

const event = { specversion: '1.0', source: 'till', id: 's1', type: 'sold', time: '2001-04-08T00:00:00Z', data: { shop: 'a', total: 700, note: 'x', legs: [{ from: 'b' }] } };
const row = (id: string, more: object = {}) => ingestion.QuarantinedEvent.fromPartial({
  id, source: 'till', eventId: `s${id}`, eventType: 'sold', code: 'rejected', field: 'data.total', rule: 'data.total < 100.0', hint: 'total is in hundreds', sender: 'airline', receivedAt: 986_860_800_000_000,
  original: Buffer.from(JSON.stringify(event)), contentDigest: 'd'.repeat(64), state: 'open', ...more,
});

/** The door of the quarantine: what stands behind it are rows in memory, and what was asked. */
class FakeQuarantine {
  asked: { method: string; request: any }[] = [];
  rows = [row('1'), row('2', { state: 'mended', mendedBy: 'ann', mendedAt: 986_860_800_000_000, reason: 'a slip', outcome: 'accepted', mendedDigest: 'e'.repeat(64) }), row('3', { code: 'conflict' }), row('4', { original: Buffer.from('half a {') })];
  left = [0];

  rpc() {
    const roles = 'anyone' as const;
    const of = (id: string) => this.rows.find((one) => one.id === id) ?? raise(notFound(`There is no event ${id} in quarantine.`, { field: 'id', hint: 'rhei quarantine list' }));
    const handle = (method: string, answer: (request: any) => unknown) => ({
      roles, deadline: 2_000, handle: async (request: any) => {
        this.asked.push({ method, request });
        return answer(request);
      },
    });
    return {
      definition: ingestion.IngestionServiceService,
      methods: {
        listQuarantine: handle('list', ({ limit, after, state }) => ({ events: [...this.rows].reverse().filter((one) => (after === '' || Number(one.id) < Number(after)) && (state === '' || one.state === state)).slice(0, limit), total: this.rows.length })),
        getQuarantined: handle('get', ({ id }) => ({ event: of(id), eventJson: id === '4' ? '' : JSON.stringify(event) })),
        fixQuarantined: handle('fix', ({ id }) => {
          if (id === '3') throw conflict('The id is taken.', { field: 'id', hint: 'Send a correction.' });
          return { event: { ...of(id), state: 'mended', mendedBy: 'oper' }, status: 'accepted', shard: 0, arrival: 986_860_800_000_000 };
        }),
        replayQuarantined: handle('replay', ({ ids: named, mended, after }: ingestion.ReplayQuarantinedRequest): ingestion.ReplayQuarantinedResponse => {
          const ids = [...named, ...mended.map(({ id }) => id)];
          const rows = ids.length > 0 ? ids.map(of) : this.rows.filter(({ id }) => id > after).slice(0, 2);
          return { left: ids.length > 0 ? 0 : this.rows.length - Number(rows.at(-1)!.id), events: rows.map(({ id, code }) => ingestion.ReplayedEvent.fromPartial({ id, source: 'till', eventId: `s${id}`, status: code === 'conflict' ? 'conflict' : 'accepted', message: code === 'conflict' ? 'The id is taken.' : '' })) };
        }),
      },
    };
  }
}
const raise = (error: Error): never => {
  throw error;
};

let running: RunningServices;
let fake: FakeQuarantine;
let folder: string;
beforeAll(async () => {
  running = await startServices([service({ name: 'ingestion', config: z.object({}), migrations: [], deps: () => ({}), rpc: () => [routed.rpc()] })], { clock: 'replay', at: 0 });
}, 60_000);
afterAll(() => running?.stop());
// The door is opened once; what is behind it begins anew with each test.
const routed = new FakeQuarantine();
beforeEach(() => {
  fake = routed;
  fake.asked = [];
  folder = mkdtempSync(join(tmpdir(), 'rhei-quarantine-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function rhei(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const streams = { stdout: new PassThrough({ highWaterMark: 1e7 }), stderr: new PassThrough({ highWaterMark: 1e7 }), stdin: new PassThrough() };
  const code = await run(args, { env: { RHEI_URL: running.http, RHEI_GRPC: running.grpc, RHEI_TOKEN: running.token('oper') }, ...streams } as unknown as Parameters<typeof run>[1]);
  return { code, out: String(streams.stdout.read() ?? ''), err: String(streams.stderr.read() ?? '') };
}
const asked = (method: string) => fake.asked.filter((one) => one.method === method).map(({ request }) => request);
const sent = () => JSON.parse(asked('fix')[0].eventJson) as typeof event;

describe('rhei quarantine', () => {
  it('alone shows what it holds, and takes no unknown word for an argument, as every group of commands', async () => {
    expect(await rhei('quarantine')).toMatchObject({ code: 2, err: (await rhei('quarantine', '--help')).out });
    expect(await rhei('quarantine', 'lst')).toMatchObject({ code: 2, err: expect.stringContaining("unknown command 'lst'. Did you mean list?") });
  });

  it('lists with state and id', async () => {
    const { code, out, err } = await rhei('quarantine', 'list');
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ['ID', 'STATE', 'RECEIVED'], ['4', 'open', '2001-04-10 00:00'], ['3', 'open', '2001-04-10 00:00'], ['2', 'mended', '2001-04-10 00:00'], ['1', 'open', '2001-04-10 00:00'], [''],
    ]);
    expect(err).toBe('Look at one: rhei quarantine show 4\n');
    await rhei('quarantine', 'list', '--source', 'till', '--type', 'sold', '--code', 'rejected', '--state', 'open', '--limit', '2', '--after', '9');
    expect(asked('list')[1]).toEqual({ source: 'till', type: 'sold', code: 'rejected', state: 'open', limit: 2, after: '9' });
    expect((await rhei('quarantine', 'list', '--source', 'till', '--state', 'open', '--limit', '2')).err).toBe('2 of 4. Go on: rhei quarantine list --source till --state open --limit 2 --after 3\n');
    expect(JSON.parse((await rhei('quarantine', 'list', '--json')).out)).toMatchObject({ total: 4, events: [{ id: '4', state: 'open' }, {}, { id: '2', state: 'mended', mended: { by: 'ann', reason: 'a slip', at: '2001-04-10T00:00:00Z' } }, {}] });
  });

  it('shows one as it was sent, and what to do', async () => {
    const open = await rhei('quarantine', 'show', '1');
    expect(open.out).toMatch(/quarantine +1, open\nevent +s1 of till, sold\n[\s\S]*hint +total is in hundreds\n[\s\S]*As it was sent\n {2}\{\n {4}"specversion": "1\.0"/);
    expect(open.err).toBe('Mend it: rhei quarantine fix 1 --set data.total=VALUE --reason WHY\n');
    expect((await rhei('quarantine', 'show', '2')).out).toContain('mended by   ann at 2001-04-10T00:00:00Z: accepted');
    expect((await rhei('quarantine', 'show', '3')).err).toContain('send a correction');
    expect((await rhei('quarantine', 'show', '4')).out).toContain('  half a {');
    expect(JSON.parse((await rhei('quarantine', 'show', '1', '--json')).out)).toMatchObject({ id: '1', event: { data: { total: 700 } } });
  });

  it('mends fields by their paths, and takes others away', async () => {
    const { code, out } = await rhei('quarantine', 'fix', '1', '--set', 'data.total=7', '--set', 'data.shop=b c', '--set', 'data.legs[0].from="x=y"', '--set', 'data.new.deep=true', '--set', 'subject=s', '--unset', 'data.note', '--reason', 'in cents');
    expect([code, out]).toEqual([0, '1: event s1 of till is mended: a record that arrived at 2001-04-10T00:00:00Z.\n']);
    expect(sent()).toEqual({ ...event, subject: 's', data: { shop: 'b c', total: 7, legs: [{ from: 'x=y' }], new: { deep: true } } });
    expect(asked('fix')[0]).toMatchObject({ id: '1', dataJson: '', reason: 'in cents' });
  });

  it('takes data or the whole event, as JSON or from a file', async () => {
    const file = join(folder, 'mended.json');
    writeFileSync(file, '{"total":1}');
    await rhei('quarantine', 'fix', '1', '--content', file);
    await rhei('quarantine', 'fix', '1', '--content', '{"total":2}');
    await rhei('quarantine', 'fix', '4', '--event', JSON.stringify(event));
    expect(asked('fix').map(({ dataJson, eventJson }) => [dataJson, eventJson])).toEqual([['{"total":1}', ''], ['{"total":2}', ''], ['', JSON.stringify(event)]]);
    expect(JSON.parse((await rhei('quarantine', 'fix', '1', '--content', '{}', '--json')).out)).toMatchObject({ status: 'accepted', event: { id: '1', state: 'mended' } });
  });

  it('replays those that are named, or all that a filter finds, and says what stays', async () => {
    const named = await rhei('quarantine', 'replay', '1', '3');
    expect([named.code, named.err]).toEqual([1, '1 taken in; 1 stay in quarantine.\n3: The id is taken.\n']);
    const { code, out, err } = await rhei('quarantine', 'replay', '--source', 'till', '--reason', 'wider', '--dry-run');
    expect([code, err]).toEqual([0, '2 done, 2 to go.\nA plan: 3 would be taken in, 1 would stay. Nothing was done.\n']);
    expect(out.split('\n').map((line) => line.split(/ {2,}/)[3])).toEqual(['OUTCOME', 'accepted', 'accepted', 'conflict', 'accepted', undefined]);
    expect(asked('replay').slice(1).map(({ after, dryRun, reason }) => [after, dryRun, reason])).toEqual([['', true, 'wider'], ['2', true, 'wider']]);
    expect(JSON.parse((await rhei('quarantine', 'replay', '--all', '--json')).out)).toMatchObject({ dryRun: false, taken: 3, stay: 1, events: [{ id: '1', status: 'accepted' }, {}, { id: '3', fault: { message: 'The id is taken.' } }, {}] });
  });

  it('changes all that a filter finds in one way, and says which cannot be changed so', async () => {
    const { code, out, err } = await rhei('quarantine', 'replay', '--source', 'till', '--rename', 'data.total=data.sum', '--reason', 'renamed');
    expect(asked('replay')).toEqual([expect.objectContaining({ ids: [], source: '', reason: 'renamed', dryRun: false, mended: ['1', '3'].map((id) => ({ id, dataJson: '', eventJson: JSON.stringify({ ...event, data: { ...event.data, total: undefined, sum: 700 } }) })) })]);
    expect(out.split('\n').slice(1, -1).map((line) => line.split(/ {2,}/).filter((_, index) => index !== 1 && index !== 2).slice(0, 2))).toEqual([['4', 'invalid'], ['1', 'accepted'], ['3', 'conflict']]);
    expect([code, err]).toEqual([0, '1 taken in; 2 stay in quarantine.\n']);
    const there = await rhei('quarantine', 'replay', '1', '--rename', 'data.total=data.shop');
    expect([there.code, there.err]).toEqual([1, '0 taken in; 1 stay in quarantine.\n1: The event has a data.shop already: "a".\n']);
    const named = await rhei('quarantine', 'replay', '1', '--unset', 'data.nothing');
    expect([named.code, named.err]).toEqual([1, '0 taken in; 1 stay in quarantine.\n1: The event has no data.nothing to take away.\n']);
  });

  it('sends what it changed in requests that the door takes, however large the events are, and each event once', async () => {
    const rows = fake.rows;
    try {
      fake.rows = Array.from({ length: 20 }, (_, index) => row(String(index + 10)));
      const ids = fake.rows.map(({ id }) => id);
      const { code, err } = await rhei('quarantine', 'replay', ...ids, ids[0], '--set', `data.note=${'ä'.repeat(120_000)}`, '--reason', 'long');
      expect([code, err]).toEqual([0, '20 taken in; 0 stay in quarantine.\n']);
      expect(asked('replay').flatMap(({ mended }) => mended.map((one: { id: string }) => one.id))).toEqual(ids);
    } finally {
      fake.rows = rows;
    }
  });

  it.each<[string, string[], number, object]>([
    ['a renaming to nothing', ['replay', '--all', '--rename', 'data.total'], 2, { field: '--rename', expected: 'path=path', got: 'data.total' }],
    ['a setting by no path of many', ['replay', '--all', '--set', 'data..x=1'], 2, { field: '--set', got: 'data..x' }],
    ['an event that is not there', ['show', '99'], 3, { code: 'not_found', field: 'id', hint: 'rhei quarantine list' }],
    ['an id that is taken', ['fix', '3', '--set', 'data.total=1'], 5, { code: 'conflict', field: 'id', hint: 'Send a correction.' }],
    ['a fix of nothing', ['fix', '1'], 2, { field: '--set', got: '0' }],
    ['a fix in two ways', ['fix', '1', '--content', '{}', '--set', 'data.total=1'], 2, { field: '--set', got: '2' }],
    ['a setting without a value', ['fix', '1', '--set', 'data.total'], 2, { field: '--set', expected: 'path=value', got: 'data.total' }],
    ['a path that is none', ['fix', '1', '--set', 'data..x=1'], 2, { field: '--set', got: 'data..x' }],
    ['a path through a value', ['fix', '1', '--set', 'data.total.x=1'], 2, { field: '--set', expected: 'an object at data.total', got: '700' }],
    ['taking away what is not there', ['fix', '1', '--unset', 'data.nothing'], 2, { field: '--unset', got: 'data.nothing' }],
    ['a file that is not there', ['fix', '1', '--content', '/no/such/file'], 2, { field: '--content', got: '/no/such/file' }],
    ['setting a field of what is no event', ['fix', '4', '--set', 'data.total=1'], 2, { field: '--set', expected: '--event' }],
    ['a replay of nothing', ['replay'], 2, { field: 'ids', got: 'nothing' }],
    ['a replay of ids and a filter', ['replay', '1', '--source', 'till'], 2, { field: 'ids', got: 'both' }],
    ['a replay of what is not there', ['replay', '99'], 3, { code: 'not_found' }],
  ])('says what is wrong with %s', async (_what, args, exit, failure) => {
    const { code, err } = await rhei('quarantine', ...args, '--json');
    expect(code).toBe(exit);
    expect(JSON.parse(err)).toMatchObject(failure);
  });
});
