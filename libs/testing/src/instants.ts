import { parseDuration, parseInstant, type Duration, type Instant } from '@rhei/expressions';

/** `instant('2001-01-01T00:00:00Z')` in microseconds. */
export const instant = (text: string): Instant => parseInstant(text);

/** `duration('6h')` in microseconds. */
export const duration = (text: string): Duration => parseDuration(text);
