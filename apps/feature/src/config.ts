import { tmpdir } from 'node:os';
import { parseDuration } from '@rhei/expressions';
import { z } from 'zod';
import { duration } from './duration';

export const config = z.object({
  /** How long the join of one training set may take before its process is killed; in milliseconds once read. */
  JOIN_TIMEOUT: duration.default('10m').transform((text) => Math.ceil(parseDuration(text) / 1_000)),
  /** Where a join keeps its files while it runs. */
  JOIN_DIRECTORY: z.string().min(1).default(tmpdir()),
  /** Share of the predictions whose served features are computed again and compared; 0: none. */
  SERVED_CHECK: z.coerce.number().min(0).max(1).default(1),
});
export type Config = z.infer<typeof config>;
