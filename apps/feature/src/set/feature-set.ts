import { compile, parseDuration, type Expression, type FieldType } from '@rhei/expressions';
import type { Duration } from '@rhei/runtime';
import { z } from 'zod';
import { duration } from '../duration';
import { recordVariables } from '../view/feature-view';

// Names become columns, and DuckDB's columns do not tell capitals from small letters; the check holds that they differ otherwise.
const columnName = z.string().regex(/^[A-Za-z_]\w{0,62}$/, 'a name of letters, digits and _ that starts with no digit');

export const requestTypes = ['string', 'double', 'int', 'bool', 'timestamp'] as const;
export type RequestType = (typeof requestTypes)[number];

const requestFeature = z.strictObject({ name: columnName, value: z.string().min(1) });
const viewFeature = z.strictObject({ name: columnName, view: z.string().min(1), entity: z.string().min(1) });

/** What a user declares about a feature set. Durations stay as they were written. */
export const featureSetSpec = z.strictObject({
  /** The event that makes an example. `id` is CEL over the record; `time`, CEL over request, is when a request's example happens. */
  example: z.strictObject({ source: z.string().min(1), event: z.string().min(1), id: z.string().min(1), time: z.string().min(1).optional() }),
  /** Fields that a caller must send, and that the example's data holds under the same names. */
  request: z.record(columnName, z.enum(requestTypes)).default({}),
  /** The inputs of a model, in order: computed from the request, or looked up in a view. */
  features: z.array(z.union([requestFeature, viewFeature], 'a feature {name, value} computed from the request, or {name, view, entity} looked up in a view')).min(1),
  /** The instant whose knowledge an example's row uses when no prediction was asked for it. */
  asOf: z.enum(['eventTime']).default('eventTime'),
  /** The event that tells the truth: `example` is CEL, the example's id; `value` a number or a truth value. */
  label: z.strictObject({ source: z.string().min(1), event: z.string().min(1), example: z.string().min(1), value: z.string().min(1), maturity: duration }),
  owner: z.string().min(1).optional(),
});
export type FeatureSetSpec = z.infer<typeof featureSetSpec>;
export type FeatureSpec = FeatureSetSpec['features'][number];

export const isViewFeature = (feature: FeatureSpec): feature is z.infer<typeof viewFeature> => 'view' in feature;

export const viewsOf = ({ features }: FeatureSetSpec): string[] => [...new Set(features.filter(isViewFeature).map(({ view }) => view))];

/** What examples and labels are kept by: a set that has some may change the rest, not this. */
export const definitionOf = ({ example: { source, event, id }, label }: FeatureSetSpec): { example: object; label: object } =>
  ({ example: { source, event, id }, label });

export const requestVariables = (request: FeatureSetSpec['request']): Record<string, FieldType> => ({ request });

/** A feature that is ready to be computed. */
export type Feature =
  | { name: string; kind: 'request'; value: Expression }
  | { name: string; kind: 'view'; view: string; entity: Expression };

/** A feature set that is ready to read records and requests. */
export interface FeatureSet {
  name: string;
  version: number;
  spec: FeatureSetSpec;
  exampleId: Expression;
  exampleTime?: Expression;
  features: Feature[];
  labelExample: Expression;
  labelValue: Expression;
  maturity: Duration;
}

export function compileSet(name: string, version: number, spec: FeatureSetSpec): FeatureSet {
  const record = recordVariables();
  const request = requestVariables(spec.request);
  return {
    name, version, spec,
    exampleId: compile(spec.example.id, { variables: record, returns: 'string' }),
    exampleTime: spec.example.time === undefined ? undefined : compile(spec.example.time, { variables: request, returns: 'timestamp' }),
    features: spec.features.map((feature): Feature => isViewFeature(feature)
      ? { name: feature.name, kind: 'view', view: feature.view, entity: compile(feature.entity, { variables: request, returns: 'string' }) }
      : { name: feature.name, kind: 'request', value: compile(feature.value, { variables: request }) }),
    labelExample: compile(spec.label.example, { variables: record, returns: 'string' }),
    labelValue: compile(spec.label.value, { variables: record }),
    maturity: parseDuration(spec.label.maturity),
  };
}
