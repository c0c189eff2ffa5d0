import { isDuration, parseDuration, type Duration } from '@rhei/expressions';
import { z } from 'zod';

const duration = z.string().refine(isDuration, { error: 'expected a duration such as 14d, 6h or 30s' });
const positive = duration.refine((text) => !isDuration(text) || parseDuration(text) > 0, { error: 'expected more than no time, such as 1d' });

const stage = z.strictObject({
  stage: z.enum(['shadow', 'canary', 'live']),
  /** How long it lasts at least; the version is watched all that time. */
  for: positive,
  /** CEL over the figures of the rollout: once it is false, the version before answers again. */
  guard: z.string().min(1).optional(),
  /** CEL over the same: what must hold besides before the next stage. */
  advance: z.string().min(1).optional(),
  /** Of the questions that the candidate answers in a canary. */
  share: z.number().gt(0).lt(1).optional(),
  /** CEL over `request`: questions with one value are answered by one version. Default: the prediction's id. */
  key: z.string().min(1).optional(),
});
export type Stage = z.output<typeof stage>;

/** What a user declares about the answers under one name. */
export const deploymentSpec = z.strictObject({
  model: z.string(),
  featureSet: z.string(),
  /** `sync`: an answer is given after its ledger row is durable. `async`: before; a crash may take the last second of rows. */
  ledger: z.enum(['sync', 'async']).default('sync'),
  /** How a promoted version comes to answer, in order; without any it does at once. */
  rollout: z.array(stage).max(8).optional(),
  /** The grid on which stages are judged. */
  look: positive.default('1d'),
  /** How long a replaced version goes on scoring in shadow once its successor has come through. */
  keep: duration.default('14d'),
  /** `first`: the first version that was ever live scores in shadow for ever. */
  benchmark: z.enum(['none', 'first']).default('none'),
  /** The declared answer when features or the model are away. */
  fallback: z.strictObject({ probability: z.number().min(0).max(1) }).optional(),
});
export type DeploymentSpec = z.output<typeof deploymentSpec>;

/** Microseconds in which an asynchronous ledger may still lose what was answered. */
export const lossWindow: Duration = 1_000_000;
