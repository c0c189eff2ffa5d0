import { parseDuration } from '@rhei/expressions';
import { z } from 'zod';

const isDuration = (text: string): boolean => {
  try {
    return parseDuration(text) >= 0;
  } catch {
    return false;
  }
};
const duration = z.string().refine(isDuration, { error: 'expected a duration such as 1d, 12h or 30m' });
const positive = duration.refine((text) => !isDuration(text) || parseDuration(text) > 0, { error: 'expected more than no time, such as 1d' });

/** What a user declares about the watch over one deployment. */
export const monitorSpec = z.strictObject({
  deployment: z.string().min(1),
  /** What is new in each bucket and shall not differ: request fields, and the truth. */
  watch: z.array(z.string().regex(/^(request\.[A-Za-z_]\w*|outcome)$/, { error: 'expected "request.<field>" or "outcome"' })).min(1),
  bucket: positive.default('1d'),
  /** Buckets of a window: after so many the pattern repeats. */
  cycle: z.int().min(1).max(366).default(7),
  /** Cycles that the reference must hold. */
  reference: z.int().min(2).max(520).default(6),
  /** Share of windows that may alarm though nothing changed. */
  budget: z.number().gt(0).lt(1).default(0.01),
  /** PSI below which a change is not worth acting on. */
  floor: z.number().min(0).default(0.03),
  retrain: z.strictObject({
    /** CEL over `alarms` and `labels`. */
    when: z.string().min(1),
    cooldown: duration.default('14d'),
    minLabels: z.int().min(0).default(0),
  }).optional(),
});
export type MonitorSpec = z.infer<typeof monitorSpec>;
export type RetrainingPolicy = NonNullable<MonitorSpec['retrain']>;
