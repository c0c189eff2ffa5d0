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

/** What a user declares about training. Durations are text such as `14d`; see {@link parseDuration}. */
export const planSpec = z.strictObject({
  model: name,
  featureSet: name,
  /** The latest part of the mature examples scores the run and does not fit it. */
  split: z.strictObject({ holdout: duration }),
  metric: z.enum(['logLoss', 'auc', 'brier']).default('logLoss'),
  seed: z.int().min(0).max(0xffffffff).default(0),
  /** Parameters of the learning engine; what is absent has the engine's default. */
  engine: z.record(z.string(), z.unknown()).default({}),
  /** How often the plan asks itself whether to train. */
  look: duration.default('1d'),
  /** CEL, true when the plan wants to train; see {@link compileWhen} for what it may read. */
  when: z.string().min(1),
  /** How long the plan itself waits after a run that failed, was cancelled, or whose version was not promoted. */
  cooldown: duration.default('7d'),
  /** Over which buckets the reference profile of a version is counted. */
  profile: z.strictObject({ bucket: duration.default('1d'), buckets: z.int().min(1).max(1_000).default(42) }).prefault({}),
});
export type PlanSpec = z.infer<typeof planSpec>;
