import { z } from 'zod';

/** The registry reads no variables beyond those of every service. */
export const config = z.object({});
export type Config = z.infer<typeof config>;
