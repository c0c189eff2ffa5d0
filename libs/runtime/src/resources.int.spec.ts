import { runtime } from '@rhei/contracts';
import { startServices, type RunningServices } from '@rhei/testing';
import { z } from 'zod';
import { call, connect, service, type Database } from './index';

const applied: { name: string; version: number; spec: unknown }[] = [];
let refuse = false;
const fake = service<object, { database: Database }>({
  name: 'registry', config: z.object({}), migrations: [], deps: ({ database }) => ({ database }),
  refers: [{
    kind: 'Team',
    async check(_deps, { name, spec }, bundle) {
      return spec.size === 0 && bundle.find('Model', 'delay') === undefined ? [{ path: '/spec/size', message: `Model "delay" is of team "${name}"`, got: '0' }] : [];
    },
  }],
  resources: [{
    kind: 'Model',
    schema: z.strictObject({ owner: z.string(), window: z.string().default('7d').transform((text) => text.length) }),
    async check(_deps, { spec }, bundle) {
      return bundle.find('Team', spec.owner) || spec.owner === 'known' ? [] : [{ path: '/spec/owner', message: `There is no team "${spec.owner}".`, got: spec.owner }];
    },
    notes: (before, after) => (before.window === after.window ? [] : [`a window of ${before.window} becomes one of ${after.window}`]),
    async applied(_deps, resource, tx) {
      if (refuse) throw new Error('no');
      applied.push(resource);
      await tx.arm('look', resource.name, tx.now + 1);
    },
  }],
});
const model = (name: string, spec: unknown) => ({ kind: 'Model', name, specJson: JSON.stringify(spec), version: 0 });
const team = { kind: 'Team', name: 'blue', specJson: '{"size":3}', version: 0 };

describe('applying resources', () => {
  let running: RunningServices;
  let client: runtime.ResourceServiceClient;
  beforeAll(async () => {
    running = await startServices([fake], { clock: 'replay', at: 1000 });
    client = connect(runtime.ResourceServiceClient, running.grpc, running.token('dev'));
  });
  afterAll(async () => {
    client?.close();
    await running?.stop();
  });
  const check = (resources: runtime.Resource[]) => call(client, 'checkResources', { service: 'registry', resources }, { deadline: 2_000 });
  const apply = (resources: runtime.Resource[]) => call(client, 'applyResources', { service: 'registry', resources }, { deadline: 2_000 });

  it('shows what would change, and writes nothing, when it only checks', async () => {
    const { problems, changes } = await check([team, model('delay', { owner: 'blue' })]);
    expect(problems).toEqual([]);
    expect(changes).toEqual([{ kind: 'Model', name: 'delay', action: runtime.Action.CREATE, version: 1, fields: [{ path: '/spec', before: '', after: '{"owner":"blue"}' }], notes: [] }]);
    expect(await running.database('registry').query('SELECT 1 FROM resource')).toEqual([]);
  });
  it('keeps its own kinds of the bundle, with what the schema made of them', async () => {
    const { changes } = await apply([team, model('delay', { owner: 'blue' })]);
    expect(changes.map(({ name, version }) => [name, version])).toEqual([['delay', 1]]);
    expect(applied).toEqual([{ name: 'delay', version: 1, spec: { owner: 'blue', window: 2 } }]);
    expect(await running.database('registry').query('SELECT key FROM timer')).toEqual([{ key: 'delay' }]);
  });
  it('changes nothing when the same is applied again, in whatever order its keys stand', async () => {
    await apply([model('order', { owner: 'known', window: '1d' })]);
    const { changes } = await apply([model('order', { window: '1d', owner: 'known' })]);
    expect(changes).toEqual([{ kind: 'Model', name: 'order', action: runtime.Action.NONE, version: 1, fields: [], notes: [] }]);
    expect(applied).toHaveLength(2);
  });
  it('gives a change a new version, names the fields, and says what it means', async () => {
    const { changes } = await apply([model('order', { owner: 'known', window: '10d' })]);
    expect(changes).toEqual([{ kind: 'Model', name: 'order', action: runtime.Action.UPDATE, version: 2, fields: [{ path: '/spec/window', before: '"1d"', after: '"10d"' }], notes: ['a window of 2 becomes one of 3'] }]);
    const { resources } = await call(client, 'listResources', { service: 'registry', kind: '' }, { deadline: 2_000 });
    expect(resources).toEqual([{ kind: 'Model', name: 'delay', specJson: '{"owner":"blue"}', version: 1 }, { kind: 'Model', name: 'order', specJson: '{"owner":"known","window":"10d"}', version: 2 }]);
  });
  it('is asked about what it reads of others, and its word counts as any', async () => {
    const empty = { ...team, specJson: '{"size":0}' };
    expect((await check([empty])).problems).toMatchObject([{ kind: 'Team', name: 'blue', path: '/spec/size', message: 'registry: Model "delay" is of team "blue"', got: '0' }]);
    await expect(apply([empty])).rejects.toMatchObject({ code: 'invalid', details: { problems: [{ field: 'Team/blue/spec/size', message: 'registry: Model "delay" is of team "blue"' }] } });
    expect((await check([team])).problems).toEqual([]);
    expect((await check([empty, model('delay', { owner: 'blue' })])).problems).toEqual([]);
  });
  it('refuses the whole bundle for one problem, and says all of them', async () => {
    await expect(apply([model('fine', { owner: 'known' }), model('a', { owner: 'ghosts' }), model('b', {})])).rejects.toMatchObject({
      code: 'invalid', details: { reason: 'RESOURCE_PROBLEMS', problems: [{ field: 'Model/b/spec/owner', expected: 'string', got: 'nothing' }, { field: 'Model/a/spec/owner', message: 'There is no team "ghosts".', got: 'ghosts' }] },
    });
    expect(await running.database('registry').query(`SELECT 1 FROM resource WHERE name = 'fine'`)).toEqual([]);
  });
  it('writes none of them when one cannot be taken in', async () => {
    refuse = true;
    await expect(apply([model('x', { owner: 'known' }), model('y', { owner: 'known' })])).rejects.toMatchObject({ code: 'internal' });
    refuse = false;
    expect(await running.database('registry').query(`SELECT 1 FROM resource WHERE name IN ('x', 'y')`)).toEqual([]);
  });
  it('makes one version of what ten people apply at once', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => apply([model('rush', { owner: 'known' })])));
    expect(all.filter(({ changes: [{ action }] }) => action === runtime.Action.CREATE)).toHaveLength(1);
    expect(await running.database('registry').query(`SELECT version FROM resource WHERE name = 'rush'`)).toEqual([{ version: 1 }]);
  });
  it('is for developers and admins', async () => {
    const auditor = connect(runtime.ResourceServiceClient, running.grpc, running.token('aud'));
    await expect(call(auditor, 'applyResources', { service: 'registry', resources: [] }, { deadline: 2_000 })).rejects.toMatchObject({ code: 'forbidden' });
    expect((await call(auditor, 'listResources', { service: 'registry', kind: 'Model' }, { deadline: 2_000 })).resources).toHaveLength(3);
    auditor.close();
  });
});
