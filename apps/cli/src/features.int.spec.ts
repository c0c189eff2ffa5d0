import { feature, notFound } from '@rhei/contracts';
import { DAY, HOUR, parseInstant } from '@rhei/expressions';
import { service, type Service } from '@rhei/runtime';
import { startServices, type RunningServices } from '@rhei/testing';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { run } from './run';

const noon = parseInstant('2030-06-30T12:00:00Z');
const window: feature.Window = { aggregate: 'avg', length: 7 * DAY, hop: DAY };
const value = (over: Partial<feature.EntityValue> = {}): feature.EntityValue => ({
  view: 'sales-7d', viewVersion: 1, window, value: 0.125, eventTime: noon - 3 * DAY - 4 * HOUR, knownSince: noon - 3 * DAY, age: 3 * DAY + 4 * HOUR, ttl: 30 * DAY, freshness: feature.Freshness.FRESH, records: 8, features: [], ...over,
});
const gone = value({ view: 'visits', window: { aggregate: 'count', length: 0, hop: 0 }, value: undefined, eventTime: 0, age: 0, ttl: 0, freshness: feature.Freshness.MISSING, records: 0 });
const record = (id: string, over: Partial<feature.ValueRecord> = {}): feature.ValueRecord => ({
  source: 'till', id, eventTime: noon - 4 * DAY, arrival: noon - 4 * DAY + HOUR, knownAt: noon - 4 * DAY + HOUR, identity: '', revision: 1, standing: feature.RecordStanding.COUNTS, supersededBy: '', supersededAt: 0,
  number: 1, text: undefined, per: undefined, part: 0.125, ...over,
});

/** Feature as it answers, from a few plain values. */
const double: Service = service({
  name: 'feature', config: z.object({}), migrations: [], deps: () => ({}),
  explain: { served: async (_deps, id) => (id === 'p1' ? { title: 'features of prediction p1 differ', lines: ['sales: served 1, recomputed 2'], causes: [] } : undefined) },
  rpc: () => [{
    definition: feature.FeatureServiceService,
    methods: Object.fromEntries(Object.entries({
      getFeatures: () => { throw notFound('nothing'); }, buildTrainingSet: () => { throw notFound('nothing'); },
      listFeatures: () => ({
        views: [{ name: 'sales-7d', version: 2, entity: 'shop', source: 'till', event: 'sale', window, ttl: 30 * DAY, entities: 12, owner: 'team' }],
        sets: [{ name: 'churn', version: 1, owner: '', features: [{ name: 'hour', view: '' }, { name: 'sales', view: 'sales-7d' }] }],
      }),
      getEntity: ({ entity, view, featureSet, asOf }: feature.GetEntityRequest) => {
        if (featureSet !== '' && featureSet !== 'churn') throw notFound(`There is no feature set "${featureSet}".`, { field: 'feature_set', got: featureSet });
        return { entity, asOf: asOf || noon, values: view === '' ? [value(), gone] : [value()] };
      },
      getExplanation: ({ view, entity, limit }: feature.GetExplanationRequest) => {
        if (view !== 'sales-7d') throw notFound(`There is no feature view "${view}".`, { field: 'view', expected: 'one of sales-7d', got: view });
        const records = [record('a'), record('b', { standing: feature.RecordStanding.SUPERSEDED, supersededBy: 'c', supersededAt: noon - DAY, part: undefined, identity: 'sale-1' })];
        return { entity, asOf: noon, value: value(), opens: noon - 10 * DAY, records: records.slice(0, limit), counting: 8, superseded: 1 };
      },
    }).map(([name, answer]) => [name, { roles: ['operator' as const], deadline: 5_000, handle: async (request: never) => answer(request) }])),
  }],
});

describe('rhei features', () => {
  let running: RunningServices;
  beforeAll(async () => {
    running = await startServices([double], { clock: 'replay', at: noon });
  }, 60_000);
  afterAll(() => running?.stop(), 30_000);

  async function rhei(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const streams = { stdout: Object.assign(new PassThrough({ highWaterMark: 1e7 }), { columns: 160 }), stderr: new PassThrough({ highWaterMark: 1e7 }), stdin: new PassThrough() };
    const env = { RHEI_URL: running.http, RHEI_GRPC: running.grpc, RHEI_TOKEN: running.token('oper') };
    const code = await run(args, { env, ...streams } as unknown as Parameters<typeof run>[1]);
    return { code, out: String(streams.stdout.read() ?? ''), err: String(streams.stderr.read() ?? '') };
  }
  const json = async (...args: string[]) => JSON.parse((await rhei(...args, '--json')).out) as Record<string, unknown>;

  it('lists views and sets', async () => {
    const { code, out, err } = await rhei('features', 'list');
    expect(code).toBe(0);
    expect(out).toMatch(/sales-7d +2 +shop +avg 7d, hop 1d +30d +12 +till\/sale/);
    expect(out).toMatch(/churn +1 +hour, sales/);
    expect(err).toContain('rhei features get ENTITY --view sales-7d');
    expect(await json('features', 'list')).toMatchObject({ views: [{ name: 'sales-7d', window: { aggregate: 'avg', length: '7d', hop: '1d' }, ttl: '30d' }], sets: [{ features: [{ name: 'hour', view: null }, { view: 'sales-7d' }] }] });
  });

  it('tells of an entity each value, its age and whether it holds', async () => {
    const { out, err } = await rhei('features', 'get', 'shop-7');
    expect(out).toMatch(/sales-7d +avg 7d, hop 1d +0\.125 +3d 4h +30d +fresh +8 +2030-06-27 12:00:00/);
    expect(out).toMatch(/visits +count ever +- +- +none +missing +0 +2030/);
    expect(err).toContain('rhei features explain sales-7d shop-7');
    expect(await json('features', 'get', 'shop-7', '--as-of', '2030-06-01T00:00:00Z')).toMatchObject({ asOf: '2030-06-01T00:00:00Z', values: [{ value: 0.125, age: '76h', ttl: '30d', freshness: 'fresh' }, { value: null, eventTime: null, ttl: null }] });
  });

  it('shows the records that made a value, and how many more there are', async () => {
    const { out, err } = await rhei('features', 'explain', 'sales-7d', 'shop-7');
    expect(out).toMatch(/verdict +fresh, 3d 4h old, TTL 30d/);
    expect(out).toMatch(/window +avg 7d, hop 1d: after 2030-06-20T12:00:00Z/);
    expect(out).toMatch(/till\/a +1 +2030-06-26 12:00:00 +2030-06-26 13:00:00 +1 +0\.125 +counts/);
    expect(out).toMatch(/till\/b +1 .* superseded by c/);
    expect(err).toContain('7 older records are not shown: say --limit 9');
    expect(await json('features', 'explain', 'sales-7d', 'shop-7', '--limit', '1')).toMatchObject({ counting: 8, superseded: 1, records: [{ id: 'a', value: 1, part: 0.125, standing: 'counts', supersededBy: null }] });
  });

  it('names what was probably meant, and says of bad input what was expected', async () => {
    expect(await rhei('features', 'explain', 'sale-7d', 'shop-7')).toMatchObject({ code: 3, err: expect.stringContaining('There is no feature view "sale-7d".\n  view: expected one of sales-7d, got sale-7d\n  hint: did you mean sales-7d?') as string });
    expect(await rhei('features', 'get', 'shop-7', '--set', 'chrun')).toMatchObject({ code: 3, err: expect.stringContaining('did you mean churn?') as string });
    expect(await rhei('features', 'get', 'shop-7', '--as-of', 'yesterday')).toMatchObject({ code: 2, err: expect.stringMatching(/--as-of.*yesterday/s) as string });
    expect(await rhei('features', 'explain', 'sales-7d', 'shop-7', '--limit', '-1')).toMatchObject({ code: 2 });
  });

  it('stand beside a prediction whose served features differ', async () => {
    expect(await rhei('why', 'served', 'p1')).toMatchObject({ code: 0, out: expect.stringContaining('sales: served 1, recomputed 2') as string });
  });
});
