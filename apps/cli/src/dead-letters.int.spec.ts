import { feature, ingestion, invalid, serviceNames, type ServiceName } from '@rhei/contracts';
import { service, shared, type Service } from '@rhei/runtime';
import { startServices, type RunningServices } from '@rhei/testing';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { run } from './run';

let fixed = false;
const hearing = {
  on: [shared<object, 'SourceApplied'>('SourceApplied', async (_deps, { payload: { name } }, tx) => {
    if (name === 'bad' && !fixed) throw invalid('Source "bad" has no owner: expected one, got none.');
    await tx.emit('FeatureSetApplied', name, feature.FeatureSetApplied.fromPartial({ name }));
  })],
};
const six = serviceNames.map((name: ServiceName): Service => service({ name, config: z.object({}), migrations: [], deps: () => ({}), ...(name === 'feature' ? hearing : {}) }));

describe('rhei dead-letters', () => {
  let running: RunningServices;
  beforeAll(async () => {
    running = await startServices(six, { clock: 'replay', at: 0 });
  }, 60_000);
  afterAll(() => running?.stop(), 30_000);

  async function rhei(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const streams = { stdout: Object.assign(new PassThrough({ highWaterMark: 1e7 }), { isTTY: true, columns: 80 }), stderr: new PassThrough({ highWaterMark: 1e7 }), stdin: new PassThrough() };
    const env = { RHEI_URL: running.http, RHEI_GRPC: running.grpc, RHEI_TOKEN: running.token('oper') };
    const code = await run(args, { env: { ...env, NO_COLOR: '1' }, ...streams } as unknown as Parameters<typeof run>[1]);
    return { code, out: String(streams.stdout.read() ?? ''), err: String(streams.stderr.read() ?? '') };
  }
  const json = async (...args: string[]) => JSON.parse((await rhei(...args, '--json')).out) as { [field: string]: any };
  const say = (key: string, name: string) => running.publish('SourceApplied', key, ingestion.SourceApplied.fromPartial({ name, version: 3 }));
  const heard = () => running.published('FeatureSetApplied').map(({ name }) => name);
  beforeEach(async () => {
    fixed = false;
    for (const name of ['bad', 'behind', 'last']) await say('x', name);
    await running.settle();
  });
  afterEach(async () => {
    fixed = true;
    await rhei('dead-letters', 'replay', '--all');
  });

  it('list: names each with its service, what is wrong and what waits, in 80 columns', async () => {
    const { code, out, err } = await rhei('dead-letters', 'list');
    expect([code, err]).toEqual([0, expect.stringContaining('Look at one: rhei dead-letters show feature/')]);
    expect(out).toMatch(/^ID +SET ASIDE +EVENT +KEY +CLASS +WAITING +REASON\nfeature\/\d+ .* x +refused +2 +Source/);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(await json('dead-letters', 'list', '--class', 'crashed')).toEqual({ total: 0, deadLetters: [] });
    expect(await json('dead-letters', 'list', '--service', 'feature', '--older-than', '0s', '--type', 'rhei.ingestion.source-applied.v1')).toMatchObject({ total: 1, deadLetters: [{ key: 'x', class: 'refused', attempts: 1 }] });
    expect(await rhei('dead-letters', 'list', '--service', 'fature')).toMatchObject({ code: 2, err: expect.stringContaining('There is no service "fature".') });
    expect(await rhei('dead-letters', 'list', '--older-than', 'long')).toMatchObject({ code: 2 });
    expect(await rhei('dead-letters', 'list', '--class', 'odd')).toMatchObject({ code: 2, err: expect.stringContaining('unknown-type') });
  });

  it('show: headers, position, reason, bytes and what they say, by either name', async () => {
    const [{ id, eventId }] = (await json('dead-letters', 'list')).deadLetters;
    const { out } = await rhei('dead-letters', 'show', id);
    expect(out).toMatch(new RegExp(`event +rhei.ingestion.source-applied.v1\\s+${eventId}`));
    out.split('\n').forEach((line) => expect(line.length).toBeLessThanOrEqual(80));
    expect(out).toMatch(/stood at +ingestion.sources 0@\d+, for feature/);
    expect(out).toContain('Source "bad" has no owner');
    expect(out).toMatch(/ce_type +rhei.ingestion.source-applied.v1/);
    expect(out).toContain('"name": "bad"');
    expect(out).toContain(Buffer.from(ingestion.SourceApplied.encode({ name: 'bad', version: 3, specJson: '' }).finish()).toString('hex'));
    const number = id.split('/')[1] as string;
    expect(await json('dead-letters', 'show', number)).toMatchObject({ id, data: { name: 'bad', version: 3 }, payload: expect.stringMatching(/=$|^[A-Za-z0-9+/]+$/), waiting: 2, waitingEventIds: [expect.any(String), expect.any(String)] });
    expect((await rhei('dead-letters', 'show', number, '--service', 'training')).code).toBe(3);
    expect((await rhei('dead-letters', 'show', '999')).code).toBe(3);
    expect((await rhei('dead-letters', 'show', 'seven')).code).toBe(2);
  });

  it('replay: says what failed, does what it can, and is told apart from a plan', async () => {
    const [{ id }] = (await json('dead-letters', 'list')).deadLetters;
    const before = heard().length;
    expect(await rhei('dead-letters', 'replay', id, '--dry-run')).toMatchObject({ code: 0, err: expect.stringContaining('A plan: 1 would be replayed, and 2 that wait behind handled. Nothing was done.') });
    expect(await rhei('dead-letters', 'replay', id)).toMatchObject({ code: 1, out: `${id}: failed: Source "bad" has no owner: expected one, got none.\n` });
    expect(heard().length).toBe(before);
    fixed = true;
    expect(await rhei('dead-letters', 'replay', id, '--reason', 'the rule was wrong')).toMatchObject({ code: 0, out: `${id}: 3 events handled.\n` });
    await running.settle();
    expect(heard().slice(before)).toEqual(['bad', 'behind', 'last']);
    expect((await rhei('dead-letters', 'replay', id)).code).toBe(3);
    expect((await rhei('dead-letters', 'replay')).code).toBe(2);
    const { out } = await rhei('audit', 'export');
    expect(out).toContain('the rule was wrong');
    expect(await rhei('audit', 'verify')).toMatchObject({ code: 0 });
  });

  it('replay --all: every letter that the filters find, one failure or not', async () => {
    await say('y', 'bad');
    await running.settle();
    expect(await json('dead-letters', 'replay', '--all', '--class', 'failed')).toMatchObject({ replayed: 0, applied: 0 });
    expect(await json('dead-letters', 'replay', '--all', '--service', 'feature')).toMatchObject({ replayed: 0, deadLetters: [{ stoppedAt: { state: 'failed' } }, { stoppedAt: { state: 'failed' } }] });
    fixed = true;
    expect(await rhei('dead-letters', 'replay', '--all')).toMatchObject({ code: 0, err: '2 of 2 keys go on; 4 events were handled.\n' });
  });

  it('drop: asks, wants a reason, and lets what waited go on', async () => {
    const [{ id }] = (await json('dead-letters', 'list')).deadLetters;
    const before = heard().length;
    expect(await rhei('dead-letters', 'drop', id)).toMatchObject({ code: 2, err: expect.stringContaining('--reason') });
    expect(await rhei('dead-letters', 'drop', id, '--reason', 'a test')).toMatchObject({ code: 2, err: expect.stringContaining('say --yes') });
    expect(await rhei('dead-letters', 'drop', id, '--reason', 'a test', '--dry-run')).toMatchObject({ code: 0, err: expect.stringContaining('1 would be dropped') });
    expect(heard().length).toBe(before);
    expect(await rhei('dead-letters', 'drop', id, '--reason', 'a test', '--yes')).toMatchObject({ code: 0, out: `${id}: dropped; 2 that waited behind it handled.\n` });
    await running.settle();
    expect(heard().slice(before)).toEqual(['behind', 'last']);
  });

  it('tells its usual calls', async () => {
    for (const part of [[], ['list'], ['show'], ['replay'], ['drop']]) expect((await rhei('dead-letters', ...part, '--help')).out).toContain('rhei dead-letters');
  });
});
