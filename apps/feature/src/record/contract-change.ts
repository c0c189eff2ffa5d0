import { canonicalJson, compareSchemas, type Expression, type SchemaChange } from '@rhei/expressions';
import type { Bundle, ReferredKind, ResourceProblem } from '@rhei/runtime';
import type { Definitions } from '../definitions.store';
import type { Deps } from '../deps';
import { compileSet, featureSetSpec, type FeatureSet } from '../set/feature-set';
import { setProblems } from '../set/feature-set.resource';
import { compileView, featureViewSpec, type FeatureView } from '../view/feature-view';
import { viewProblems } from '../view/feature-view.resource';
import { behindFilter, caught, requestReading, withType, type ReadExpression } from './loosened-field';

/** What decides how the records of an event are dated, ordered and told apart; what changes it gives them another meaning. */
const meaning = ['key', 'time', 'identity', 'revision', 'withdrawn'] as const;
/** Where a contract first tells facts, nothing that came before is told otherwise. */
const mayBegin: ReadonlySet<string> = new Set(['identity', 'revision', 'withdrawn']);

interface Contract {
  events: Record<string, Partial<Record<(typeof meaning)[number], string>> & { schema: Record<string, unknown> }>;
}
/** What a view or set reads of the records of one event. */
interface Reading {
  /** `FeatureView "late-14d"`. */
  who: string;
  source: string;
  event: string;
  /** Expressions by where they stand in the specification. */
  expressions: { at: string; expression: ReadExpression }[];
  /** What is wrong with it where these resources are in force. */
  judge(bundle: Bundle): ResourceProblem[];
}

/** A Source is ingestion's; views and sets read its records, and name themselves where a new contract would take something from them. */
export const sourceReadByFeatures: ReferredKind<Deps> = {
  kind: 'Source',
  async check({ database, definitions }, { name, spec }, bundle) {
    return contractProblems(name, spec, await definitions.read(database), bundle);
  },
};

/** What the views and sets that are known, or stand in the bundle, could not go on with under the new contract of a source. */
export function contractProblems(source: string, spec: Record<string, unknown>, known: Definitions, bundle: Bundle): ResourceProblem[] {
  const before = known.sources.get(source) as Contract | undefined;
  const after = spec as unknown as Contract;
  // What is no contract at all is ingestion's to refuse.
  if (before === undefined || !isRecord(after.events) || canonicalJson(before.events) === canonicalJson(after.events)) return [];
  const readings = [...[...known.views.values()].flatMap((view) => viewReadings(view, known, bundle)), ...[...known.sets.values()].flatMap((set) => setReadings(set, known, bundle))];
  const problems = readings.filter((reading) => reading.source === source).flatMap((reading) => problemsOf(reading, before, after, bundle));
  const told = new Set(problems.map(({ got }) => got));
  return [...problems, ...uncompilable(source, known, bundle).filter(({ got }) => !told.has(got))];
}

function problemsOf({ who, source, event, expressions, judge }: Reading, before: Contract, after: Contract, bundle: Bundle): ResourceProblem[] {
  const [old, now] = [before, after].map(({ events }) => (Object.hasOwn(events, event) ? events[event] : undefined));
  if (old === undefined) return [];
  const hint = 'Keep it, or give the new form an event type of its own.';
  if (now === undefined) return [{ path: '/spec/events', message: `${who} reads "${event}", which is gone`, expected: event, got: who, hint }];
  const at = `/spec/events/${event.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const changed = meaning.filter((field) => old[field] !== now[field] && !(mayBegin.has(field) && old[field] === undefined));
  const changes = isRecord(now.schema) ? compareSchemas(old.schema, now.schema) : [];
  const place = (where: string, expression: ReadExpression, field: string): string => `${who} reads ${field} of "${event}" in ${where} (${expression.source})`;
  /** Where a field is of one type alone: what is wrong with the expressions, by where they stand. */
  const wrongWith = (field: string, type: string): ReadonlySet<string> | undefined => {
    const read = expressions.flatMap(({ expression }) => expression.references.flatMap((path) => (path.startsWith('data.') ? [path.split('.')[1]] : [])));
    const schema = withType(now.schema, field, type, read);
    if (schema === undefined) return undefined;
    const variant: Bundle = { find: (kind, name) => (kind === 'Source' && name === source ? { ...after, events: { ...after.events, [event]: { ...now, schema } } } : bundle.find(kind, name)) };
    return new Set(judge(variant).map(({ path }) => path));
  };
  return [
    ...changed.filter((field) => field !== 'key' || expressions.some(({ expression }) => expression.references.includes('key'))).map((field) => ({
      path: `${at}/${field}`, message: `${who} reads "${event}", whose ${field} becomes ${now[field] ?? 'nothing'}`, expected: old[field] ?? 'nothing', got: who, hint,
    })),
    ...changes.flatMap((change) => expressions.flatMap(({ at: where, expression }) => {
      const problem = { path: `${at}/schema`, message: `${place(where, expression, change.field)}: ${change.what}`, expected: change.field, got: who, hint };
      if (change.breaks === 'readers') return reads(expression, change) ? [problem] : [];
      const catches = caught(expression, change, (type) => wrongWith(change.field, type)?.has(where) === false);
      return catches === undefined ? [] : [{ ...problem, message: `${problem.message}, and ${catches.why}`, hint: `${catches.hint}; or keep the field as it was.` }];
    })),
  ];
}

/** Whether the expression reads what changed, something in it, or something that holds it. */
function reads({ source, references }: Pick<Expression, 'source' | 'references'>, { field }: SchemaChange): boolean {
  const changed = field.replaceAll('[]', '').replaceAll(/\["(.*?)"\]/g, '.$1').split('.');
  return references.some((reference) => {
    const path = reference.split('.');
    if (path[0] !== 'data') return false;
    // The data as a whole: what is taken from it is named by a text.
    if (path.length === 1) return changed.length === 1 || [`'${changed[1]}'`, `"${changed[1]}"`].some((name) => source.includes(name));
    return path.every((part, index) => index >= changed.length || part === changed[index]);
  });
}

function viewReadings(view: FeatureView, known: Definitions, bundle: Bundle): Reading[] {
  const replaced = bundle.find('FeatureView', view.name);
  const parsed = replaced === undefined ? undefined : featureViewSpec.safeParse(replaced);
  const { spec, ...compiled } = inForce(view, parsed, (one) => compileView(view.name, 0, one, []));
  return [{ who: `FeatureView "${view.name}"`, source: spec.source, event: spec.event, expressions: expressionsIn(compiled, '/spec').map(({ at, expression }) => ({ at, expression: behindFilter(compiled, expression) })), judge: (where) => viewProblems(spec, known, where) }];
}

function setReadings(set: FeatureSet, known: Definitions, bundle: Bundle): Reading[] {
  const replaced = bundle.find('FeatureSet', set.name);
  const parsed = replaced === undefined ? undefined : featureSetSpec.safeParse(replaced);
  const { spec, exampleId, labelExample, labelValue } = inForce(set, parsed, (one) => compileSet(set.name, 0, one));
  const reading = { who: `FeatureSet "${set.name}"`, judge: (where: Bundle) => setProblems(spec, known, where) };
  const request = Object.entries(spec.request).map(([field, type]) => ({ at: `/spec/request/${field}`, expression: requestReading(field, type) }));
  return [
    { ...reading, ...spec.example, expressions: [{ at: '/spec/example/id', expression: exampleId }, ...request] },
    { ...reading, ...spec.label, expressions: [{ at: '/spec/label/example', expression: labelExample }, { at: '/spec/label/value', expression: labelValue }] },
  ];
}

/** The definition as it will be: that of the bundle where there is one that compiles; what does not, is refused by its own kind. */
function inForce<Compiled, Spec>(known: Compiled, parsed: { success: boolean; data?: Spec } | undefined, compiled: (spec: Spec) => Compiled): Compiled {
  if (parsed?.success !== true) return known;
  try {
    return compiled(parsed.data as Spec);
  } catch {
    return known;
  }
}

/** Compiled expressions, wherever they stand in a compiled definition. */
function expressionsIn(value: unknown, at: string): { at: string; expression: Expression }[] {
  if (!isRecord(value)) return [];
  if (Array.isArray(value.references) && typeof value.evaluate === 'function') return [{ at, expression: value as unknown as Expression }];
  return Object.entries(value).flatMap(([name, inner]) => expressionsIn(inner, `${at}/${name}`));
}

/** What compiled against the contract in force, and does not against the new one. Definitions in the bundle are judged by their own kind. */
function uncompilable(source: string, known: Definitions, bundle: Bundle): ResourceProblem[] {
  const asItIs: Bundle = { find: (kind, name) => (kind === 'Source' ? undefined : bundle.find(kind, name)) };
  const newly = (who: string, judge: (bundle: Bundle) => ResourceProblem[]): ResourceProblem[] => {
    const before = new Set(judge(asItIs).map(({ path, message }) => `${path} ${message}`));
    return judge(bundle).filter(({ path, message }) => !before.has(`${path} ${message}`))
      .map(({ path, message, expected }) => ({ path: '/spec/events', message: `${who} ${path}: ${message}`, expected, got: who, hint: 'Keep what it reads, or give the new form an event type of its own.' }));
  };
  return [
    ...[...known.views.values()].filter(({ name, spec }) => spec.source === source && bundle.find('FeatureView', name) === undefined)
      .flatMap(({ name, spec }) => newly(`FeatureView "${name}"`, (where) => viewProblems(spec, known, where))),
    ...[...known.sets.values()].filter(({ name, spec }) => [spec.example.source, spec.label.source].includes(source) && bundle.find('FeatureSet', name) === undefined)
      .flatMap(({ name, spec }) => newly(`FeatureSet "${name}"`, (where) => setProblems(spec, known, where))),
  ];
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
