import { ModelRefused } from './errors';
import { firstDifference } from './model-difference';
import { writeTreeModel, type TreeEnsemble } from './write-tree-model';

/** Two trees of one split each. */
const ensemble: TreeEnsemble = {
  features: ['a', 'b'], base: -1, roots: [0, 3], feature: [0, -1, -1, 1, -1, -1], threshold: [0.5, 0, 0, 2, 0, 0], missingLeft: [0, 0, 0, 1, 0, 0],
  left: [1, -1, -1, 4, -1, -1], right: [2, -1, -1, 5, -1, -1], value: [0, 0.1, -0.1, 0, 0.2, -0.2],
};
const file = (over: Partial<TreeEnsemble> = {}, trainingSet = 'x'): Uint8Array => writeTreeModel({ ensemble: { ...ensemble, ...over }, metadata: { trainingSet } });

describe('the first difference of two models', () => {
  it('is none between equal bytes', () => expect(firstDifference(file(), file())).toBeUndefined());

  it.each<[string, Uint8Array]>([
    ['metadata "trainingSet"', file({}, 'y')],
    ['metadata "features"', file({ features: ['a', 'c'] })],
    ['the base value', file({ base: -2 })],
    ['tree 1 of 2', file({ threshold: [0.25, 0, 0, 2, 0, 0], value: [0, 0.1, -0.1, 0, 0.2, -0.3] })],
    ['tree 2 of 2', file({ value: [0, 0.1, -0.1, 0, 0.2, -0.3] })],
    ['tree 2 of 2', file({ missingLeft: [0, 0, 0, 0, 0, 0] })],
    ['the number of trees: 2 and 1', file({ roots: [0], feature: [0, -1, -1], threshold: [0.5, 0, 0], missingLeft: [0, 0, 0], left: [1, -1, -1], right: [2, -1, -1], value: [0, 0.1, -0.1] })],
  ])('is %s', (difference, other) => expect(firstDifference(file(), other)).toBe(difference));

  it('does not depend on what kind of bytes a file came in', () => expect(firstDifference(Buffer.from(file()), file({ missingLeft: [0, 0, 0, 0, 0, 0] }))).toBe('tree 2 of 2'));

  it('refuses what is no model', () => expect(() => firstDifference(file(), Uint8Array.of(1, 2))).toThrow(ModelRefused));
});
