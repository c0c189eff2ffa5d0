import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readStoryStart } from './story-file';

const folder = mkdtempSync(join(tmpdir(), 'rhei-story-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

function principalsOf(people: string): Record<string, string[]> {
  const file = join(folder, 'story.yaml');
  writeFileSync(file, `
kind: Story
metadata: {name: sales}
spec:
  period: {from: 2024-03-01}
  events: [{source: till}, {source: till}, {source: web}]
  people: ${people}
`);
  return Object.fromEntries(readStoryStart(file).principals.map(({ name, roles }) => [name, roles]));
}

describe('the people of a story', () => {
  it('get the roles of what they do in it, one principal each', () => {
    expect(principalsOf(`{publisher: shop, application: desk, approver: {as: ann, after: 2h}, developer: bob, acts: [
      {at: 2024-03-02, as: bob, run: {plan: p, reason: r}}, {at: 2024-03-02, as: ann, rollback: {deployment: d, reason: r}},
      {at: 2024-03-03, as: cleo, quarantine: {replay: {source: till, type: sold}, reason: r}}, {at: 2024-03-04, as: cleo, apply: [x.yaml]}, {at: 2024-03-04, as: admin, apply: [x.yaml]}]}`)).toEqual({
      shop: ['publisher:till', 'publisher:web'], desk: ['application'], ann: ['approver', 'operator'], bob: ['developer'], cleo: ['operator', 'developer'],
    });
  });

  it('are only those whom the story names', () => {
    expect(principalsOf('{publisher: shop}')).toEqual({ shop: ['publisher:till', 'publisher:web'] });
  });
});
