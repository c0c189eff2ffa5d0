import type { Duration, Instant } from '@rhei/runtime';

/**
 * The arrival of what a shard takes in now, and what the shard may say with it. `watermark`: everything that arrived up
 * to it has been said. More may arrive at this very instant (the replay clock stands still), so a commit closes only
 * what lies before it. The instant itself is closed by {@link closeAt}; whatever comes then arrives later.
 */
export function arrive(watermark: Instant, now: Instant): { arrival: Instant; watermark: Instant } {
  const arrival = Math.max(now, watermark + 1);
  return { arrival, watermark: arrival - 1 };
}

/** What an idle shard says at `now`; undefined when it has said as much already. */
export const closeAt = (watermark: Instant, now: Instant): Instant | undefined => (watermark < now ? now : undefined);

/** The first instant after `now` on the grid of `interval`. */
export const nextOnGrid = (now: Instant, interval: Duration): Instant => (Math.floor(now / interval) + 1) * interval;
