import { ModelRefused } from './errors';
import { decodeModel, encodeModel, type Attribute, type Draft, type Model, type Node } from './proto';
import { readModel } from './read-model';
import { vetModel } from './vet-model';
import { writeTreeModel } from './write-tree-model';

const ENSEMBLE = {
  features: ['x', 'y'], base: 0.5, roots: [0, 3], feature: [0, -1, -1, 1, -1, -1], threshold: [1.5, 0, 0, -2, 0, 0],
  missingLeft: [1, 0, 0, 0, 0, 0], left: [1, -1, -1, 4, -1, -1], right: [2, -1, -1, 5, -1, -1], value: [0, -1, 1, 0, 2, -2],
};
const good = writeTreeModel({ ensemble: ENSEMBLE });

/** The good model with something changed. */
function altered(change: (model: Model) => void): Uint8Array {
  const model = decodeModel(good);
  change(model);
  return encodeModel(model as Draft<Model>);
}

const graphOf = (model: Model) => model.graph ?? fail();
const trees = (model: Model): Node => graphOf(model).node[0];
const attribute = (model: Model, name: string): Attribute => trees(model).attribute.find((one) => one.name === name) ?? fail();
const fail = (): never => {
  throw new Error('the good model has changed');
};
const node = (opType: string, input: string[], output: string[], more: Draft<Node> = {}) => ({ opType, input, output, attribute: [], deviceConfigurations: [], ...more }) as Node;
/** A field of protobuf that holds `content`. */
const field = (id: number, content: Uint8Array): Buffer => {
  const length: number[] = [];
  for (let left = content.length; length.length === 0 || left > 0; left = Math.floor(left / 128)) length.push((left % 128) + (left >= 128 ? 128 : 0));
  return Buffer.concat([Buffer.from([id * 8 + 2, ...length]), content]);
};
const bytesOf = (...parts: (string | number[])[]) => Uint8Array.from(Buffer.concat(parts.map((part) => Buffer.from(part as string))));

function problemsOf(bytes: Uint8Array, limits = {}): readonly string[] {
  try {
    vetModel(bytes, limits);
  } catch (error) {
    if (error instanceof ModelRefused) return error.problems;
    throw error;
  }
  return [];
}

describe('vetting', () => {
  it('accepts what the writer writes', () => {
    expect(problemsOf(good)).toEqual([]);
    expect(problemsOf(altered(() => undefined))).toEqual([]);
  });

  const hostile: [name: string, bytes: Uint8Array, problem: RegExp][] = [
    ['an empty file', new Uint8Array(), /^The file is empty/],
    ['text', bytesOf('not a model at all'), /^This is no model that can be read: at byte 0, /],
    ['a pickle', bytesOf([0x80, 0x04, 0x95], 'cos\nsystem\n(S"id"\ntR.'), /no model that can be read/],
    ['random bytes', Uint8Array.from({ length: 500 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24), /no model that can be read/],
    ['a message without a graph', encodeModel({ irVersion: 8 }), /^The file has no graph/],
    ['a length of 2^63', bytesOf([0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), /field graph of ModelProto runs 9223372036854776000 bytes past its end/],
    ['a number without end', bytesOf(Array<number>(40).fill(0xff)), /number of more than ten bytes/],
    ['a second graph', bytesOf([...good], [...good]), /field .* of ModelProto comes twice/],
    ['a field from another place', bytesOf([...good], [0xf8, 0x07, 0x01]), /field 127 of ModelProto is not known here/],
    ['half a million empty nodes', field(7, Buffer.alloc(1_000_000, Buffer.from([0x0a, 0]))), /more than 400000 strings, byte fields and messages/],
    ['nine million numbers in a list', field(7, field(1, field(5, field(8, new Uint8Array(9_000_000))))), /more than 8000000 numbers in lists/],
    ['external data', altered((m) => Object.assign(graphOf(m).initializer[0], { floatData: [], dataLocation: 1, externalData: [{ key: 'location', value: '../../etc/passwd' }] })), /^Initializer "one" keeps its data outside the file \("\.\.\/\.\.\/etc\/passwd"\); all data must be inside\.$/],
    ['an unknown domain', altered((m) => void m.opsetImport.push({ domain: 'com.evil', version: 1 })), /^The file imports operators of "com\.evil"; allowed are ai\.onnx and ai\.onnx\.ml\.$/],
    ['an operator of an unknown domain', altered((m) => Object.assign(graphOf(m).node[1], { domain: 'com.microsoft' })), /^Node 1 "negated" uses operator com\.microsoft\.Neg, which is not allowed/],
    ['control flow', altered((m) => Object.assign(graphOf(m).node[1], { opType: 'Loop', attribute: [{ name: 'body', type: 5, g: new Uint8Array(9) }] })), /uses operator ai\.onnx\.Loop, which is not allowed/],
    ['a graph within an attribute', altered((m) => Object.assign(attribute(m, 'n_targets'), { g: Uint8Array.of(10, 0) })), /attribute "n_targets" must hold int and nothing else/],
    ['functions', altered((m) => Object.assign(m, { functions: [new Uint8Array(4)] })), /^The file has functions; they are not allowed\.$/],
    ['training information', altered((m) => Object.assign(m, { trainingInfo: [new Uint8Array(4)] })), /^The file has training information/],
    ['operators that grow what they get', altered((m) => Object.assign(graphOf(m).node[1], { opType: 'Expand' })), /ai\.onnx\.Expand, which is not allowed/],
    ['a version too new', altered((m) => Object.assign(m.opsetImport[0], { version: 99 })), /^The file uses version 99 of ai\.onnx; expected 7 to 26\.$/],
    ['no version', altered((m) => Object.assign(m, { opsetImport: [{ version: 17 }] })), /^The graph uses operators of ai\.onnx\.ml without importing/],
    ['a wrong IR version', altered((m) => Object.assign(m, { irVersion: 99 })), /^The file has IR version 99; expected 4 to 13\.$/],
    ['an attribute that is none of its operator', altered((m) => void trees(m).attribute.push({ ...attribute(m, 'n_targets'), name: 'nodes_values_as_tensor' })), /attribute "nodes_values_as_tensor" of .* is not allowed/],
    ['a value that nothing defines', altered((m) => Object.assign(graphOf(m).node[1], { input: ['nowhere'] })), /^Node 1 "negated" reads "nowhere", which nothing before it defines\.$/],
    ['a name given twice', altered((m) => Object.assign(graphOf(m).node[1], { output: ['margin'] })), /gives a value the name "margin", which is taken/],
    ['an initializer shorter than its shape', altered((m) => Object.assign(graphOf(m).initializer[0], { dims: [4000, 4000] })), /has 1 values for shape \[4000, 4000\]; expected 16000000/],
    ['an initializer beyond all bounds', altered((m) => Object.assign(graphOf(m).initializer[0], { dims: [2 ** 52] })), /has shape \[4503599627370496\]; expected at most two dimensions of 1 to 4096/],
    ['an input of another type', altered((m) => Object.assign(graphOf(m).input[0].type?.tensorType ?? fail(), { elemType: 8 })), /^Input "features" is string\[-1,2\]; expected float32/],
    ['an input that is no tensor', altered((m) => Object.assign(graphOf(m).input[0], { type: {} })), /^Input "features" is no tensor/],
    ['an output that nothing makes', altered((m) => Object.assign(graphOf(m).output[0], { name: 'one' })), /^Output "one" is not the result of a node\.$/],
  ];
  it.each(hostile)('refuses %s', (_, bytes, problem) => {
    expect(problemsOf(bytes).join('\n')).toMatch(new RegExp(problem.source, 'm'));
  });

  const crooked: [name: string, change: (model: Model) => void, problem: string][] = [
    ['a column that the input lacks', (m) => attribute(m, 'nodes_featureids').ints.splice(1, 1, 2), 'node 0 of tree 1 reads column 2; the input has 2.'],
    ['a negative column', (m) => attribute(m, 'nodes_featureids').ints.splice(1, 1, -1), 'node 0 of tree 1 reads column -1; the input has 2.'],
    ['a loop', (m) => attribute(m, 'nodes_truenodeids').ints.splice(1, 1, 0), "node 0 of tree 1 has child 0, which is no node below its tree's root."],
    ['a shared branch', (m) => attribute(m, 'nodes_truenodeids').ints.splice(1, 1, 2), 'node 2 of tree 1 is reached twice: the tree has a loop or shares a branch.'],
    ['a child in another tree', (m) => attribute(m, 'nodes_falsenodeids').ints.splice(1, 1, 3), "node 0 of tree 1 has child 3, which is no node below its tree's root."],
    ['lists of different lengths', (m) => attribute(m, 'nodes_values').floats.pop(), 'nodes_values has 6 entries; expected 7, as nodes_treeids has.'],
    ['a leaf without a value', (m) => ['target_treeids', 'target_nodeids', 'target_ids'].forEach((name) => attribute(m, name).ints.pop()) ?? attribute(m, 'target_weights').floats.pop(), 'node 2 of tree 2 is a leaf without a value.'],
    ['a value for what is no leaf', (m) => attribute(m, 'target_nodeids').ints.splice(1, 1, 0), 'target entry 1 names node 0 of tree 1, which is no leaf.'],
    ['a target beyond their number', (m) => attribute(m, 'target_ids').ints.splice(0, 1, 1), 'target entry 0 is for target 1; expected 0 to 0.'],
    ['an infinite value', (m) => attribute(m, 'target_weights').floats.splice(0, 1, Infinity), 'the weight of target entry 0 is not finite.'],
    ['an unknown mode', (m) => attribute(m, 'nodes_modes').strings.splice(1, 1, Buffer.from('JUMP')), 'node 0 of tree 1 has mode "JUMP"; expected LEAF or one of BRANCH_LEQ, BRANCH_LT, BRANCH_GTE, BRANCH_GT, BRANCH_EQ, BRANCH_NEQ.'],
    ['a transform at the end', (m) => Object.assign(attribute(m, 'post_transform'), { s: Buffer.from('PROBIT') }), 'post_transform is "PROBIT"; expected NONE (use an operator of its own).'],
    ['mixed up nodes', (m) => attribute(m, 'nodes_nodeids').ints.splice(2, 1, 2), 'the node at position 2 is number 2 of tree 1; expected 1.'],
  ];
  it.each(crooked)('refuses trees with %s', (_, change, problem) => {
    expect(problemsOf(altered(change))).toEqual([`Node 0 "trees": ${problem}`]);
  });

  it('refuses trees fed by a value whose columns are not known', () => {
    const bytes = altered((m) => {
      graphOf(m).node.unshift(node('Add', ['features', 'one'], ['sum']));
      graphOf(m).node[1].input = ['sum'];
    });
    expect(problemsOf(bytes)).toEqual(['Node 1 "trees" reads "sum"; expected one input of the graph.']);
  });

  it('refuses what is too large, too many or too deep', () => {
    expect(problemsOf(good, { bytes: 100 })).toEqual([`The file has ${good.length} bytes; at most 100 are allowed.`]);
    expect(problemsOf(good, { parts: 20 })[0]).toMatch(/there are more than 20 strings, byte fields and messages\.$/);
    expect(problemsOf(good, { numbers: 20 })[0]).toMatch(/there are more than 20 numbers in lists\.$/);
    expect(problemsOf(good, { nodes: 4 })).toEqual(['The graph has 5 nodes; at most 4 are allowed.']);
    expect(problemsOf(good, { depth: 3 })).toEqual(['Node 3 "inverse" is deeper than 3 nodes below the inputs.']);
    expect(problemsOf(good, { treeDepth: 0 })).toEqual(['Node 0 "trees": tree 1 is deeper than 0 splits.']);
    expect(problemsOf(good, { dimension: 1 })).toEqual(['Input "features" is float32[-1,2]; expected float32[-1,k] with k from 1 to 1.']);
  });

  it('refuses the good model cut off anywhere but between its parts, where only metadata may be lost', () => {
    const ends = Array.from({ length: good.length }, (_, end) => end).filter((end) => problemsOf(good.subarray(0, end)).length === 0);
    expect(ends).toEqual([Buffer.from(good).lastIndexOf('\n\x08features') - 2]);
    expect(readModel(good.subarray(0, ends[0])).metadata).toEqual({});
    expect(() => readModel(good.subarray(0, good.length - 1))).toThrow(ModelRefused);
  });

  it('answers every altered byte with a model or a refusal, never with another error', () => {
    for (let at = 0; at < good.length; at += 1) {
      for (const flip of [1, 0x80, 0xff]) {
        const bytes = good.slice();
        bytes[at] ^= flip;
        expect(() => problemsOf(bytes)).not.toThrow();
      }
    }
  });

  it('names the first twenty faults of a file that has more', () => {
    const bytes = altered((m) => graphOf(m).node.splice(1, 0, ...Array.from({ length: 40 }, (_, i) => node('Loop', ['margin'], [`v${i}`]))));
    const problems = problemsOf(bytes);
    expect(problems).toHaveLength(21);
    expect(problems[20]).toBe('And 20 more.');
  });
});
