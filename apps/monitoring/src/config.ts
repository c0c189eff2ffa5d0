import { z } from 'zod';

/** Monitoring reads no variables beyond those of every service. */
export const config = z.object({});
export type Config = z.infer<typeof config>;
