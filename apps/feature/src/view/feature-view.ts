import { compile, parseDuration, type Expression, type FieldType } from '@rhei/expressions';
import type { Duration, Instant } from '@rhei/runtime';
import { z } from 'zod';
import { duration } from '../duration';
import { aggregates, windowOf, type Aggregate, type Window } from './window';

const finest = 12;
const coarsest = -6;

/** How many decimals a grid such as 0.001 keeps; undefined where it is no power of ten from 1e-12 to 1e6. */
export function digitsOf(grid: number): number | undefined {
  for (let digits = coarsest; digits <= finest; digits++) if (Number(`1e${-digits}`) === grid) return digits;
  return undefined;
}

const long = z.union([z.literal('ever'), duration], 'a duration longer than 0, such as "14d", "6h" or "90m", or "ever"');
const lengths = Object.fromEntries(aggregates.map((aggregate) => [aggregate, long.optional()])) as Record<Aggregate, z.ZodOptional<typeof long>>;
const lengthOf = (text: string): Duration | undefined => (text === 'ever' ? undefined : parseDuration(text));

/** One aggregate with its length; `hop` lets the start of the window move on a grid instead of sliding. */
const windowSpec = z.strictObject({ ...lengths, hop: duration.optional() }).superRefine((window, context) => {
  const named = aggregates.filter((name) => window[name] !== undefined);
  if (named.length !== 1) return context.addIssue({ code: 'custom', message: `one of ${aggregates.join(', ')} with a duration or "ever", such as {avg: 14d}`, input: window });
  if (window.hop === undefined) return;
  const length = lengthOf(window[named[0]]!);
  const problem = named[0] === 'last' ? 'the last value has no window that could hop'
    : length === undefined ? 'a window since ever does not move'
      : parseDuration(window.hop) > length ? `a hop no longer than the window, ${window[named[0]]}` : undefined;
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem, path: ['hop'], input: window.hop });
});

/** What a user declares about a view. Durations stay as they were written. */
export const featureViewSpec = z.strictObject({
  /** What the values describe, such as `customer`. */
  entity: z.string().min(1),
  source: z.string().min(1),
  event: z.string().min(1),
  /** CEL over data, subject, id, key and time; only records for which it is true count. */
  filter: z.string().min(1).optional(),
  /** CEL, a string: the entity that a record is about. */
  key: z.string().min(1),
  /** CEL, a number or a truth value (1 or 0), for `distinct` a text too; a count has none. */
  value: z.string().min(1).optional(),
  /** CEL as `value`, for a ratio: the sum of values is divided by the sum of these. */
  per: z.string().min(1).optional(),
  window: windowSpec,
  /** How old a value may be before it is withheld; without it a value never expires. */
  ttl: duration.optional(),
  /** Values are kept as whole multiples of this power of ten, so that sums are exact. */
  grid: z.number().refine((grid) => digitsOf(grid) !== undefined, 'a power of ten from 1e-12 to 1e6').default(1e-6),
  owner: z.string().min(1).optional(),
});
export type FeatureViewSpec = z.infer<typeof featureViewSpec>;

export function aggregateOf({ window }: Pick<FeatureViewSpec, 'window'>): { aggregate: Aggregate; length: Duration | undefined; hop: Duration | undefined } {
  const aggregate = aggregates.find((name) => window[name] !== undefined)!;
  return { aggregate, length: lengthOf(window[aggregate]!), hop: window.hop === undefined ? undefined : parseDuration(window.hop) };
}

/** What decides the values that are kept: a view with data may change the rest (its TTL and its owner), not this. */
export const definitionOf = ({ ttl: _ttl, owner: _owner, ...rest }: FeatureViewSpec): object => rest;

/** What an expression over a record may read. */
export const recordVariables = (data: FieldType = 'dyn'): Record<string, FieldType> =>
  ({ data, subject: 'string', id: 'string', key: 'string', time: 'timestamp' });

/** The TTL that holds from an instant on; undefined: values do not expire. */
export interface TtlFrom {
  from: Instant;
  ttl: Duration | undefined;
}

/** A view that is ready to read records. */
export interface FeatureView {
  name: string;
  version: number;
  spec: FeatureViewSpec;
  window: Window;
  filter?: Expression;
  key: Expression;
  value?: Expression;
  per?: Expression;
  /** Ascending; the first holds for all time before it too. */
  ttls: TtlFrom[];
}

/**
 * Data is read as it comes (`dyn`), whose numbers are doubles; the check before an apply compiles the same expressions
 * against the contract's types.
 */
export function compileView(name: string, version: number, spec: FeatureViewSpec, ttls: TtlFrom[]): FeatureView {
  const variables = recordVariables();
  const { aggregate, length, hop } = aggregateOf(spec);
  return {
    name, version, spec, ttls,
    window: windowOf(aggregate, length, digitsOf(spec.grid)!, hop),
    filter: spec.filter === undefined ? undefined : compile(spec.filter, { variables, returns: 'bool' }),
    key: compile(spec.key, { variables, returns: 'string' }),
    value: spec.value === undefined ? undefined : compile(spec.value, { variables }),
    per: spec.per === undefined ? undefined : compile(spec.per, { variables }),
  };
}

/** The TTL in force at an instant: a change counts from when it was applied, so that it cannot alter what was served before. */
export function ttlAt(ttls: readonly TtlFrom[], at: Instant): Duration | undefined {
  return (ttls.findLast(({ from }) => from <= at) ?? ttls[0])?.ttl;
}

/** One meaning, online and offline: a value may be as old as its TTL, and not a microsecond older. */
export const expired = (age: Duration, ttl: Duration | undefined): boolean => ttl !== undefined && age > ttl;
