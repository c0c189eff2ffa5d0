import { z } from 'zod';

/** What serving reads beside the variables of every service. */
export const config = z.object({
  /** Requests that are worked on at once. */
  concurrency: z.coerce.number().int().positive().default(64),
  /** Requests that may wait; one more is refused with the time after which it may come again. */
  queue: z.coerce.number().int().nonnegative().default(512),
});
export type ServingConfig = z.output<typeof config>;
