import { isDuration, parseDuration } from '@rhei/expressions';
import { z } from 'zod';

/** A length of time as users write it, longer than nothing. */
export const duration = z.string().refine((text) => isDuration(text) && parseDuration(text) > 0, 'a duration longer than 0, such as "14d", "6h" or "90m"');
