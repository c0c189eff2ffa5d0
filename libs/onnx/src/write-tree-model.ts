import { ATTRIBUTE_TYPE, DATA_TYPE, encodeModel, type Attribute, type Draft, type Node, type ValueInfo } from './proto';

/**
 * Boosted trees in flat lists, all trees one after the other: tree t begins at node `roots[t]` and ends before the next
 * root. A row goes left when its value is at most the threshold, or is NaN and `missingLeft` is 1. Its log-odds are `base`
 * plus its leaf in each tree.
 */
export interface TreeEnsemble {
  readonly features: readonly string[];
  readonly base: number;
  readonly roots: readonly number[];
  /** Column of an inner node; -1 for a leaf. */
  readonly feature: readonly number[];
  readonly threshold: readonly number[];
  readonly missingLeft: readonly number[];
  /** Children as positions in the lists; not read for a leaf. */
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly value: readonly number[];
}

export interface TreeModel {
  readonly ensemble: TreeEnsemble;
  /** Name of the one input, float32 [n, features]. */
  readonly input?: string;
  /** Name of the one output, float32 [n, 1]: the probability of class 1. */
  readonly output?: string;
  /** Free text by key, kept in the file. The key `features` is taken: it holds the column names in order. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export const FEATURES_KEY = 'features';

/** The versions that every ONNX runtime of the last years reads. */
const IR_VERSION = 8;
const OPSETS = [{ domain: '', version: 17 }, { domain: 'ai.onnx.ml', version: 3 }];

/** Writes the model as ONNX. The same model gives the same bytes: nothing of time, machine or version is in them. */
export function writeTreeModel({ ensemble, input = 'features', output = 'probability', metadata = {} }: TreeModel): Uint8Array {
  if (ensemble.features.length === 0) throw new RangeError('A model without features has no input; expected at least one feature.');
  if (FEATURES_KEY in metadata) throw new RangeError(`Metadata key "${FEATURES_KEY}" is written from the ensemble; use another key.`);
  const entries = Object.entries({ ...metadata, [FEATURES_KEY]: JSON.stringify(ensemble.features) });
  return encodeModel({
    irVersion: IR_VERSION,
    producerName: 'rhei',
    opsetImport: OPSETS,
    metadataProps: entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value })),
    graph: {
      name: 'trees',
      input: [tensor(input, ensemble.features.length)],
      output: [tensor(output, 1)],
      initializer: [{ name: 'one', dims: [1], dataType: DATA_TYPE.float32, floatData: [1] }],
      node: [trees(ensemble, input, 'margin'), ...probability('margin', output)],
    },
  });
}

/**
 * A regressor, then the sigmoid: the classifier operator gives wrong labels or scores for two classes in released runtimes.
 * The base is a tree of one leaf and comes first, so that a runtime adds in the order in which the ensemble is defined.
 */
function trees(ensemble: TreeEnsemble, from: string, to: string): Draft<Node> {
  const { feature, threshold, missingLeft, left, right, value, roots, base } = ensemble;
  const ids = { tree: [0], node: [0] };
  const leaves = { tree: [0], node: [0], weight: [base] };
  const out = { feature: [0], threshold: [0], mode: ['LEAF'], yes: [0], no: [0], missing: [0] };
  roots.forEach((root, at) => {
    const end = roots[at + 1] ?? feature.length;
    for (let node = root; node < end; node += 1) {
      const inner = feature[node] >= 0;
      ids.tree.push(at + 1);
      ids.node.push(node - root);
      out.feature.push(inner ? feature[node] : 0);
      out.threshold.push(inner ? threshold[node] : 0);
      out.mode.push(inner ? 'BRANCH_LEQ' : 'LEAF');
      out.yes.push(inner ? left[node] - root : 0);
      out.no.push(inner ? right[node] - root : 0);
      out.missing.push(inner ? missingLeft[node] : 0);
      if (inner) continue;
      leaves.tree.push(at + 1);
      leaves.node.push(node - root);
      leaves.weight.push(value[node]);
    }
  });
  return {
    opType: 'TreeEnsembleRegressor', domain: 'ai.onnx.ml', name: 'trees', input: [from], output: [to],
    attribute: [
      int('n_targets', 1), string('aggregate_function', 'SUM'), string('post_transform', 'NONE'),
      ints('nodes_treeids', ids.tree), ints('nodes_nodeids', ids.node), ints('nodes_featureids', out.feature),
      floats('nodes_values', out.threshold), strings('nodes_modes', out.mode), ints('nodes_truenodeids', out.yes),
      ints('nodes_falsenodeids', out.no), ints('nodes_missing_value_tracks_true', out.missing),
      ints('target_treeids', leaves.tree), ints('target_nodeids', leaves.node), ints('target_ids', leaves.node.map(() => 0)),
      floats('target_weights', leaves.weight),
    ],
  };
}

/**
 * 1 / (1 + e^-margin) by its parts. The Sigmoid operator of ONNX Runtime 1.30 is exact to 1e-7 absolutely, which for a
 * probability of 4e-4 was 1.5e-4 relatively (measured); this is exact to a few units in the last place everywhere.
 */
function probability(from: string, to: string): Draft<Node>[] {
  return [
    { opType: 'Neg', name: 'negated', input: [from], output: ['negated'] },
    { opType: 'Exp', name: 'odds against', input: ['negated'], output: ['odds_against'] },
    { opType: 'Add', name: 'inverse', input: ['odds_against', 'one'], output: ['inverse'] },
    { opType: 'Reciprocal', name: 'probability', input: ['inverse'], output: [to] },
  ];
}

const utf8 = new TextEncoder();
const int = (name: string, i: number): Draft<Attribute> => ({ name, type: ATTRIBUTE_TYPE.int, i });
const ints = (name: string, values: number[]): Draft<Attribute> => ({ name, type: ATTRIBUTE_TYPE.ints, ints: values });
const floats = (name: string, values: number[]): Draft<Attribute> => ({ name, type: ATTRIBUTE_TYPE.floats, floats: values });
const string = (name: string, text: string): Draft<Attribute> => ({ name, type: ATTRIBUTE_TYPE.string, s: utf8.encode(text) });
const strings = (name: string, texts: string[]): Draft<Attribute> => ({ name, type: ATTRIBUTE_TYPE.strings, strings: texts.map((text) => utf8.encode(text)) });

function tensor(name: string, columns: number): Draft<ValueInfo> {
  return { name, type: { tensorType: { elemType: DATA_TYPE.float32, shape: { dim: [{ dimParam: 'n' }, { dimValue: columns }] } } } };
}
