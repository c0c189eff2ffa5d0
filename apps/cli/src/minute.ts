import { formatInstant } from '@rhei/expressions';

/** An instant in RFC 3339 as tables show it: to the minute. */
export const minuteIn = (instant: string): string => instant.slice(0, 16).replace('T', ' ');

/** The same of an instant in microseconds, UTC. */
export const minute = (instant: number): string => minuteIn(formatInstant(instant));

/** The same; a dash where there is none. */
export const minuteOrNone = (instant: number): string => (instant === 0 ? '-' : minute(instant));
