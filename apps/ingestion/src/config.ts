import { parseDuration } from '@rhei/expressions';
import { z } from 'zod';

const duration = z.string().transform((text, context) => {
  try {
    const parsed = parseDuration(text);
    if (parsed > 0) return parsed;
    context.addIssue({ code: 'custom', message: 'expected a duration longer than nothing, such as "10s"' });
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
  return z.NEVER;
});

export const config = z.object({
  /** Every so often an idle shard says that nothing is missing. Default: 10s, and 1d where the clock is virtual. */
  watermarkInterval: duration.optional(),
  /** Events that may wait for their commit; more are sent away with 429. */
  queueEvents: z.coerce.number().int().min(1_000).default(5_000),
});
export type Config = z.output<typeof config>;
