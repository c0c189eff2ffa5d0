import { z } from 'zod';
import { checkBundle } from './resource-check';
import { differences } from './resource-diff';
import type { ResourceKind } from './service';

const model: ResourceKind<object, { owner: string; tier: string }> = {
  kind: 'Model',
  schema: z.strictObject({ owner: z.string(), tier: z.enum(['low', 'high']).default('low') }),
  async check(_deps, { spec }, bundle) {
    return spec.owner === 'nobody' || bundle.find('Team', spec.owner) ? [] : [{ path: '/spec/owner', message: `There is no team "${spec.owner}".`, offset: 3 }];
  },
  async applied() {},
};
const resource = (kind: string, name: string, spec: unknown) => ({ kind, name, specJson: JSON.stringify(spec), version: 0 });

describe('checking a bundle', () => {
  it('finds every problem, with the path to it', async () => {
    const { problems } = await checkBundle([model], {}, [
      resource('Model', 'Bad Name', { owner: 'nobody' }),
      resource('Model', 'second', { tier: 'huge', colour: 'red' }),
      resource('Model', 'third', { owner: 'ghosts' }),
      { kind: 'Model', name: 'fourth', specJson: '{', version: 0 },
    ]);
    expect(problems.map(({ name, path }) => `${name} ${path}`).sort()).toEqual(
      ['Bad Name /metadata/name', 'fourth /spec', 'second /spec/colour', 'second /spec/owner', 'second /spec/tier', 'third /spec/owner']);
    expect(problems.find(({ path }) => path === '/spec/tier')).toMatchObject({ expected: 'low, high', got: '"huge"', offset: -1 });
    expect(problems.find(({ name }) => name === 'third')).toMatchObject({ offset: 3 });
  });
  it('resolves references in the bundle and judges no kinds of others', async () => {
    const { problems, shaped } = await checkBundle([model], {}, [resource('Team', 'a team!', { x: 1 }), resource('Team', 'blue', {}), resource('Model', 'm', { owner: 'blue' })]);
    expect(problems).toEqual([]);
    expect(shaped).toMatchObject([{ name: 'm', spec: { owner: 'blue' }, parsed: { owner: 'blue', tier: 'low' } }]);
  });
  it('notices a resource that stands in the bundle twice', async () => {
    const { problems } = await checkBundle([model], {}, [resource('Model', 'm', { owner: 'nobody' }), resource('Model', 'm', { owner: 'nobody' })]);
    expect(problems).toMatchObject([{ path: '/metadata/name', message: 'Model "m" stands in the bundle twice.' }]);
  });
});

describe('the difference of two specs', () => {
  it('names each field that was added, removed or changed by its pointer', () => {
    expect(differences({ a: 1, b: { c: [1, 2] }, gone: true }, { a: 1, b: { c: [1, 3, 4] }, 'new/key': 'x' })).toEqual([
      { path: '/spec/b/c/1', before: '2', after: '3' }, { path: '/spec/b/c/2', before: '', after: '4' },
      { path: '/spec/gone', before: 'true', after: '' }, { path: '/spec/new~1key', before: '', after: '"x"' },
    ]);
  });
  it('is empty whatever the order of keys', () => {
    expect(differences({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([]);
  });
});
