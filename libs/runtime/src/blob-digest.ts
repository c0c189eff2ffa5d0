import { RheiError } from '@rhei/contracts';

/** A digest comes from outside at times, and becomes part of a path. Errors: `invalid`. */
export function checkDigest(digest: string): void {
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new RheiError('invalid', `A blob is named by a SHA-256 in lower-case hex: got "${digest.slice(0, 80)}".`);
}

export const damaged = (digest: string, got: string): RheiError =>
  new RheiError('internal', `The blob ${digest} holds bytes with the digest ${got}: it was changed or damaged. Restore it from a backup.`, { reason: 'DIGEST_MISMATCH', expected: digest, got });
