import { RheiError, unavailable } from '@rhei/contracts';
import { elapsed, pause } from './clock';

/**
 * What a failed request means: `away` may succeed later, `refused` needs other credentials or rights, `setup` another
 * address or certificate, `missing` is an object that is not there, `no-bucket` its bucket.
 */
export type S3Fault = 'away' | 'missing' | 'no-bucket' | 'refused' | 'setup';

const faults: Record<string, S3Fault> = {
  NoSuchKey: 'missing', NotFound: 'missing', NoSuchBucket: 'no-bucket',
  AccessDenied: 'refused', InvalidAccessKeyId: 'refused', SignatureDoesNotMatch: 'refused', AllAccessDisabled: 'refused', InvalidTokenId: 'refused',
  AuthorizationHeaderMalformed: 'setup', MovedPermanently: 'setup', PermanentRedirect: 'setup', TemporaryRedirect: 'setup', MethodNotAllowed: 'setup', NotImplemented: 'setup',
  InvalidBucketName: 'setup', EPROTO: 'setup',
};

/** Milliseconds after the first attempt in which another may start: a handler that waits holds a transaction open. */
const PATIENCE = 3_000;
const FIRST_PAUSE = 100;
/** Milliseconds that a caller is asked to wait. */
const RETRY_AFTER = 1_000;

export function faultOf(error: unknown): S3Fault {
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  // TLS: an authority that is not known, a name that does not match, an answer that is no TLS at all.
  if (/CERT|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL/.test(code)) return 'setup';
  return faults[code] ?? 'away';
}

/** A failure in words: an S3 error's message alone does not name its code. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  const text = message?.split('\n', 1)[0] || 'no reason given';
  return code === undefined || text.includes(code) ? text : `${code}: ${text}`;
}

/**
 * Repeats `work` while the endpoint is away, with growing pauses, and then says `unavailable`. Errors of the table and
 * objects that are missing pass.
 */
export async function patiently<T>(place: string, doing: string, work: () => Promise<T>): Promise<T> {
  const started = elapsed();
  for (let wait = FIRST_PAUSE; ; wait *= 2) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof RheiError) throw error;
      const fault = faultOf(error);
      if (fault === 'missing') throw error;
      if (fault === 'away' && elapsed() - started + wait < PATIENCE) {
        await pause(wait);
        continue;
      }
      throw unavailable(`The blob store ${place} could not ${doing} (${reasonOf(error)}). ${advice[fault]}`, { reason: 'BLOBS_AWAY', retryAfter: RETRY_AFTER });
    }
  }
}

const advice: Record<Exclude<S3Fault, 'missing'>, string> = {
  away: 'Check that it runs and can be reached; the same call may succeed then.',
  'no-bucket': 'Restore the bucket, or change BLOBS.',
  refused: 'Give its user back the right to do so, or change BLOBS.',
  setup: 'Change BLOBS.',
};
