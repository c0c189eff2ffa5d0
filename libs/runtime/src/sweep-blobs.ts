import { BlobCache } from './blob-cache';
import { systemTime } from './clock';
import { ConfigError, processEnvironment, withoutSecret, type Environment } from './config';
import { withPassword } from './password-file';
import { S3Blobs } from './s3-blobs';
import { readS3Url } from './s3-location';
import { sweep } from './s3-sweep';

/**
 * Lists what half-ended uploads left behind in the store that BLOBS names, and with `--apply` removes it. Run by a person or
 * a schedule: `node dist/sweep-blobs.js [--apply]`. Resolves to how many were found.
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
    for await (const { kind, key, bytes, since } of sweep(blobs, { now, apply })) {
      found += 1;
      write(`${apply ? 'removed' : 'would remove'} ${kind} ${key} (${bytes} bytes, ${new Date(since).toISOString()})`);
    }
  } finally {
    blobs.close();
  }
  write(found === 0 ? 'Nothing was left behind.' : apply ? `${found} removed.` : `${found} found; repeat with --apply to remove them.`);
  return found;
}

if (require.main === module) {
  const [flag, ...more] = process.argv.slice(2);
  if (more.length > 0 || (flag !== undefined && flag !== '--apply')) {
    process.stderr.write('Lists what half-ended uploads left in the store that BLOBS names.\n\n  node sweep-blobs.js           says what it would remove\n  node sweep-blobs.js --apply   removes it\n');
    process.exitCode = 2;
  } else {
    sweepBlobs(processEnvironment(), { apply: flag === '--apply', write: (line) => void process.stdout.write(`${line}\n`) }).catch((error: Error & { exitCode?: number }) => {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = error.exitCode ?? 1;
    });
  }
}
