import { parseDuration } from '@rhei/expressions';
import { z } from 'zod';

const readable = (text: string): boolean => {
  try {
    return parseDuration(text) > 0;
  } catch {
    return false;
  }
};

/** A length of time as users write it, longer than nothing. */
export const duration = z.string().refine(readable, 'a duration longer than 0, such as "14d", "6h" or "90m"');
