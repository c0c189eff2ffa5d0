/** Integer microseconds since the Unix epoch, UTC. Durations are in microseconds too. */
export type Instant = number;
export type Duration = number;

export const second: Duration = 1_000_000;
export const minute: Duration = 60 * second;
export const hour: Duration = 60 * minute;
export const day: Duration = 24 * hour;

/**
 * Business time: arrival, as-of, windows, TTL, maturity, cooldowns. May be virtual (CLOCK=replay): then it stands still
 * between moves and only moves forward. Inside a transaction use `tx.now`, which is checked against the database.
 */
export interface Clock {
  readonly kind: 'system' | 'replay';
  now(): Instant;
}
