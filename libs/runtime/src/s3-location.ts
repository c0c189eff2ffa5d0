import { readFileSync } from 'node:fs';

/** Where blobs are kept in an S3 store, and how to get in. */
export interface S3Location {
  host: string;
  port: number;
  tls: boolean;
  /** PEM of the authority that signed the endpoint's certificate. */
  ca: string | undefined;
  region: string;
  bucket: string;
  /** Empty, or ends with a slash. */
  prefix: string;
  user: string;
  /** Empty where a file is to hold it. */
  password: string;
  /** Whether a bucket that is not there is made. */
  create: boolean;
  /** Milliseconds without a byte after which the endpoint counts as away. */
  timeout: number;
}

export const s3Example = 's3://rhei:secret@minio:9000/rhei?tls=false';
const parameters = ['tls', 'ca', 'region', 'prefix', 'create', 'timeout'];

/**
 * Reads `s3://user:password@host:port/bucket?tls=false&ca=/path&region=…&prefix=…&create=false&timeout=SECONDS`.
 * @throws Error whose text says what was expected
 */
export function readS3Url(text: string): S3Location {
  if (!URL.canParse(text)) throw new Error('a URL s3://user:password@host:port/bucket');
  const { protocol, hostname, port, pathname, username, password, searchParams } = new URL(text);
  const bucket = pathname.slice(1);
  if (protocol !== 's3:' || hostname === '') throw new Error('a URL s3://user:password@host:port/bucket');
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw new Error(`one bucket after the host (3 to 63 of a-z, 0-9, "." and "-"), not "${bucket}"`);
  if (username === '') throw new Error('a user before the host');
  const unknown = [...searchParams.keys()].filter((key) => !parameters.includes(key));
  if (unknown.length > 0) throw new Error(`no other parameters than ${parameters.join(', ')}; it has ${unknown.join(', ')}`);
  const flag = (name: string): boolean => {
    const value = searchParams.get(name) ?? 'true';
    if (value !== 'true' && value !== 'false') throw new Error(`${name}=true or ${name}=false, not "${value}"`);
    return value === 'true';
  };
  const tls = flag('tls');
  const seconds = Number(searchParams.get('timeout') ?? '5');
  if (!(seconds > 0 && seconds <= 60)) throw new Error(`timeout= from 0 to 60 seconds, not "${searchParams.get('timeout')}"`);
  const prefix = (searchParams.get('prefix') ?? '').replace(/^\/+|\/+$/g, '');
  if (!/^[\w./-]{0,200}$/.test(prefix) || prefix.split('/').includes('..')) throw new Error('prefix= of letters, digits and "._-/", 200 at most');
  const ca = searchParams.get('ca');
  return {
    host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (tls ? 443 : 80) : Number(port), tls, ca: ca === null ? undefined : authority(ca),
    region: searchParams.get('region') ?? 'us-east-1', bucket, prefix: prefix === '' ? '' : `${prefix}/`,
    user: decodeURIComponent(username), password: decodeURIComponent(password), create: flag('create'), timeout: seconds * 1000,
  };
}

function authority(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`ca= with a file that can be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
}
