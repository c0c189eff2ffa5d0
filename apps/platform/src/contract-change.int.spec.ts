import { runtime } from '@rhei/contracts';
import { FeatureModule } from '@rhei/feature';
import { IngestionModule } from '@rhei/ingestion';
import { call, connect } from '@rhei/runtime';
import { startServices, type RunningServices } from '@rhei/testing';

const schema = { type: 'object', additionalProperties: false, required: ['order', 'shop', 'total'], properties: { order: { type: 'string' }, shop: { type: 'string' }, total: { type: 'integer' }, note: { type: 'string' } } };
const source = (properties: Record<string, unknown> = {}, more: object = {}) => {
  const all = Object.fromEntries(Object.entries({ ...schema.properties, ...properties }).filter(([, inner]) => inner !== undefined));
  return resource('Source', 'till', { owner: 'ops', events: { sold: { key: 'data.order', schema: { ...schema, required: schema.required.filter((name) => name in all), properties: all }, ...more } } });
};
const view = (value = 'data.total', name = 'shop-total') => resource('FeatureView', name, { entity: 'shop', source: 'till', event: 'sold', key: 'data.shop', value, window: { sum: '1d' } });
const resource = (kind: string, name: string, spec: object): runtime.Resource => ({ kind, name, specJson: JSON.stringify(spec), version: 0 });

describe('a contract that changes', () => {
  let running: RunningServices;
  let client: runtime.ResourceServiceClient;
  beforeAll(async () => {
    running = await startServices([IngestionModule, FeatureModule], { clock: 'replay', at: 0 });
    client = connect(runtime.ResourceServiceClient, running.grpc, running.token('dev'));
    for (const service of ['ingestion', 'feature']) await call(client, 'applyResources', { service, resources: [source(), view()] }, { deadline: 10_000 });
    await running.settle();
  }, 60_000);
  afterAll(async () => {
    client?.close();
    await running?.stop();
  });
  /** As `rhei apply` asks all of them first. */
  async function check(...resources: runtime.Resource[]): Promise<{ problems: string[]; notes: string[] }> {
    const answers = await Promise.all(['ingestion', 'feature'].map((service) => call(client, 'checkResources', { service, resources }, { deadline: 10_000 }) as Promise<runtime.CheckResourcesResponse>));
    return { problems: answers.flatMap(({ problems }) => problems.map(({ kind, name, path, message }) => `${kind}/${name}${path}: ${message}`)), notes: answers.flatMap(({ changes }) => changes.flatMap(({ notes }) => notes)) };
  }

  it('passes where it is compatible, and the plan says so', async () => {
    expect(await check(source({ gate: { type: 'string' }, total: { type: 'number' } }))).toEqual({ problems: [], notes: ['compatible: sold: data.gate: it is new and optional', 'compatible for readers that ask first: sold: data.total: its type is wider from integer to number'] });
  });

  it('passes with a note where it breaks what nobody reads', async () => {
    const { problems, notes } = await check(source({ note: undefined }));
    expect(problems).toEqual([]);
    expect(notes).toEqual(['breaking for readers: sold: data.note: it is gone', 'passes where no service that was asked reads what changes for readers']);
  });

  it('is refused with the views that it would break, also with them in the bundle as they are', async () => {
    const problem = 'Source/till/spec/events/sold/schema: feature: FeatureView "shop-total" reads data.total of "sold" in /spec/value (data.total): it is gone; data.amount is new and looks the same';
    const renamed = source({ total: undefined, amount: { type: 'integer' } });
    expect((await check(renamed)).problems).toEqual([problem]);
    expect((await check(renamed, view())).problems).toContain(problem);
    await expect(call(client, 'applyResources', { service: 'feature', resources: [renamed] }, { deadline: 10_000 })).rejects.toMatchObject({ code: 'invalid', details: { problems: [{ message: expect.stringContaining('FeatureView "shop-total"') }] } });
  });

  it('passes with the view that reads it changed in the same bundle', async () => {
    const { problems } = await check(source({ total: undefined, amount: { type: 'integer' } }), view('data.amount'));
    expect(problems).toEqual([]);
  });

  it('is taken by ingestion alone, which knows no readers, with the same notes', async () => {
    const { changes } = (await call(client, 'applyResources', { service: 'ingestion', resources: [source({ note: undefined })] }, { deadline: 10_000 })) as runtime.ApplyResourcesResponse;
    expect(changes).toMatchObject([{ version: 2, notes: ['breaking for readers: sold: data.note: it is gone', expect.stringContaining('passes where')] }]);
  });
});
