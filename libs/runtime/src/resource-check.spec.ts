import { z } from 'zod';
import { checkBundle } from './resource-check';
import type { ResourceKind } from './service';

const kind: ResourceKind<unknown, { rule: string; ttl?: number }> = {
  kind: 'Rule',
  schema: z.strictObject({ rule: z.string(), ttl: z.number().optional() }),
  check: async (_deps, { spec }) => (spec.rule === 'wrong' ? [{ path: '/spec/rule', message: 'the rule is wrong' }] : []),
  applied: async () => undefined,
};
const check = (spec: object) => checkBundle({ name: 'registry', resources: [kind] }, undefined, [{ kind: 'Rule', name: 'r', specJson: JSON.stringify(spec), version: 0 }]);

describe('checking a resource', () => {
  it('tells faults of shape and of rules at once, and applies nothing of it', async () => {
    const { shaped, problems } = await check({ rule: 'wrong', ttl: 'soon', colour: 'red' });
    expect(problems.map(({ path }) => path).sort()).toEqual(['/spec/colour', '/spec/rule', '/spec/ttl']);
    expect(shaped).toEqual([]);
  });

  it('judges no rules where what they need is missing', async () => {
    const { problems } = await check({ colour: 'red' });
    expect(problems.map(({ path }) => path).sort()).toEqual(['/spec/colour', '/spec/rule']);
  });
});
