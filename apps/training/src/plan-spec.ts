import { parseDuration } from '@rhei/expressions';
import { z } from 'zod';

const duration = z.string().superRefine((text, context) => {
  try {
    if (parseDuration(text) > 0) return;
    context.addIssue({ code: 'custom', message: 'expected a duration above zero, such as "14d" or "6h"' });
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});
const name = z.string().min(1);

/** What the search for leaks can find; see {@link huntLeaks} for what each means. */
export const leakKinds = ['power', 'missing', 'future', 'duplicate', 'group'] as const;
export type LeakKind = (typeof leakKinds)[number];

/** What a user declares about training. Durations are text such as `14d`; see {@link parseDuration}. */
export const planSpec = z.strictObject({
  model: name,
  featureSet: name,
  /**
   * The latest part of the mature examples scores the run and does not fit it. `group` names an entity (`request.<field>`
   * or a feature) that must not stand on both sides.
   */
  split: z.strictObject({ holdout: duration, group: name.optional() }),
  metric: z.enum(['logLoss', 'auc', 'brier']).default('logLoss'),
  seed: z.int().min(0).max(0xffffffff).default(0),
  /**
   * Parameters of the learning engine; what is absent has the engine's default. With `earlyStopping`, `trees` is an upper
   * bound: the latest part of the rows that fit, `fold`, scores every round, and after `rounds` without a lower loss it ends.
   */
  engine: z.looseObject({
    earlyStopping: z.strictObject({
      fold: z.union([duration, z.number().gt(0).lt(1)], { error: 'expected a duration such as "7d", or a share between 0 and 1' }),
      rounds: z.int().min(1).max(1_000).default(20),
    }).optional(),
  }).default({}),
  /** `request.<field>` or names of features: the report has figures for the most frequent values, or quartiles, of each. */
  slices: z.array(name).min(1).max(20).optional(),
  /** The AUC above which one column alone counts as a leak, and which findings are known and right, with the reason. */
  leaks: z.strictObject({
    auc: z.number().gt(0.5).max(1).optional(),
    allow: z.array(z.strictObject({ column: name, kind: z.enum(leakKinds), reason: name })).default([]),
  }).optional(),
  /** How often the plan asks itself whether to train. */
  look: duration.default('1d'),
  /** CEL, true when the plan wants to train; see {@link compileWhen} for what it may read. */
  when: z.string().min(1),
  /** How long the plan itself waits after a run that failed, was cancelled, or whose version is not the champion. */
  cooldown: duration.default('7d'),
  /** Over which buckets the reference profile of a version is counted. */
  profile: z.strictObject({ bucket: duration.default('1d'), buckets: z.int().min(1).max(1_000).default(42) }).prefault({}),
});
export type PlanSpec = z.infer<typeof planSpec>;
