import type { ServiceName } from '@rhei/contracts';
import type { Logger } from 'pino';
import { pause } from './clock';
import type { Blobs } from './transaction';

/** Milliseconds between two claims, and after one that failed. */
const EVERY = 12 * 3_600_000;
const AGAIN = 10 * 60_000;

/** Tells the blob store, now and then, which blobs the rows of a service name: what nobody claims is swept one day. */
export async function keepClaiming(blobs: Blobs, service: ServiceName, keeps: () => Promise<string[]>, log: Logger, signal: AbortSignal): Promise<void> {
  if (!blobs.claim) return;
  while (!signal.aborted) {
    const claimed = await blobs.claim(service, keeps).then(() => true, (error: unknown) => {
      log.warn({ err: error }, 'the blobs that are kept could not be claimed; tried again');
      return false;
    });
    await pause(claimed ? EVERY : AGAIN, signal);
  }
}
