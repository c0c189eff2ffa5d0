/** What the patch needs of kafkajs's queue of requests to one broker. */
export interface RequestQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  throttledUntil: number;
  pending: unknown[];
  checkPendingRequests(): void;
}

/** Milliseconds between looks while requests wait. */
const lookEvery = 10;

/**
 * Stops kafkajs 2.2.4 from waking up about 900 times a second for each idle connection: its queue looks again after a
 * negative delay for ever (kafkajs#1751). Here it looks again only while something waits or the broker has throttled us.
 */
export function quietenRequestQueue(queue: { prototype: object }): void {
  const prototype = queue.prototype as { scheduleCheckPendingRequests?: unknown };
  if (typeof prototype.scheduleCheckPendingRequests !== 'function') {
    throw new Error('kafkajs has another request queue than version 2.2.4: expected the method scheduleCheckPendingRequests. Check whether the patch in request-queue.ts is still needed.');
  }
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.throttleCheckTimeoutId) return;
    let delay = this.throttledUntil - Date.now();
    if (this.pending.length > 0) delay = delay > 0 ? delay : lookEvery;
    else if (delay <= 0) return;
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, delay);
  };
}
