import { formatInstant } from '@rhei/expressions';

/** An instant as tables show it: to the minute, UTC. */
export const minute = (instant: number): string => formatInstant(instant).slice(0, 16).replace('T', ' ');

/** The same; a dash where there is none. */
export const minuteOrNone = (instant: number): string => (instant === 0 ? '-' : minute(instant));
