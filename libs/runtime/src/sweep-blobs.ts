import { BlobCache } from './blob-cache';
import { systemTime } from './clock';
import { ConfigError, processEnvironment, withoutSecret, type Environment } from './config';
import { withPassword } from './password-file';
import { S3Blobs } from './s3-blobs';
import { readS3Url } from './s3-location';
import { orphans } from './s3-orphans';
import { leftovers } from './s3-sweep';

/**
 * Says what may go from the store that BLOBS names, and with `apply` sweeps it: what half-ended uploads left behind, and in two
 * steps, a week apart, blobs that no service claims. Run by a person or a schedule. Resolves to how much was found.
 * @throws ConfigError where BLOBS names no S3 store
 */
export async function sweepBlobs(env: Environment, { apply, write, now = systemTime() / 1000 }: { apply: boolean; write(line: string): void; now?: number }): Promise<number> {
  const url = env['BLOBS'] ?? '';
  const complete = url.startsWith('s3:') ? withPassword(['BLOBS'], url, env) : url;
  if (typeof complete !== 'string') throw new ConfigError(`${complete.variable}: expected ${complete.expected}; got "${complete.got}".`);
  if (!complete.startsWith('s3:')) throw new ConfigError(`BLOBS names no S3 store: got "${withoutSecret('BLOBS', url)}". Set it as the services have it.`);
  const blobs = await S3Blobs.open(readS3Url(complete), new BlobCache());
  let found = 0;
  try {
    const { silent, found: unclaimed } = await orphans(blobs, now);
    for (const source of [leftovers(blobs, now), unclaimed]) {
      for await (const { what, key, bytes, since, verb, act } of source) {
        if (apply) await act();
        found += 1;
        write(`${apply ? '' : 'would be '}${verb}: ${what} ${key} (${bytes} bytes, ${new Date(since).toISOString()})`);
      }
    }
    if (silent.length > 0) write(`Blobs themselves are not swept: no claim within two days of ${silent.join(', ')}. Each service makes one when it starts and twice a day.`);
  } finally {
    blobs.close();
  }
  write(found === 0 ? 'There is nothing to sweep.' : apply ? `${found} swept.` : `${found} found; repeat with --apply to sweep.`);
  return found;
}

if (require.main === module) {
  const [flag, ...more] = process.argv.slice(2);
  if (more.length > 0 || (flag !== undefined && flag !== '--apply')) {
    process.stderr.write('Sweeps the store that BLOBS names: what half-ended uploads left, and blobs that no service claims.\n\n  node sweep-blobs.js           says what it would do\n  node sweep-blobs.js --apply   does it\n');
    process.exitCode = 2;
  } else {
    sweepBlobs(processEnvironment(), { apply: flag === '--apply', write: (line) => void process.stdout.write(`${line}\n`) }).catch((error: Error & { exitCode?: number }) => {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = error.exitCode ?? 1;
    });
  }
}
