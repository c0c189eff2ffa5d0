import { ChannelCredentials, credentials, Metadata, status, type Client, type ServiceError } from '@grpc/grpc-js';
import { RheiError, type ErrorCode } from '@rhei/contracts';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the platform is and as whom we speak, each with the place it was taken from. */
export interface Target {
  http: string;
  grpc: string;
  token: string;
  addressFrom: string;
  tokenFrom: string;
}

export interface TargetFlags {
  url?: string;
  grpc?: string;
  token?: string;
  /** The principal of the data folder's token file to speak as. */
  as?: string;
  data?: string;
}

/** What the platform writes into its data folder when it is up. */
interface PlatformFile {
  http: string;
  grpc: string;
}

/**
 * Finds address and token: flags first, then `RHEI_URL` and `RHEI_TOKEN`, then the data folder of an embedded platform.
 * Errors: `invalid`, naming the three places, when there is none.
 */
export function findTarget(flags: TargetFlags, env: Record<string, string | undefined>): Target {
  const folder = flags.data ?? env.RHEI_DATA ?? '.rhei';
  const platform = readJson<PlatformFile>(join(folder, 'platform.json'));
  const http = flags.url ?? env.RHEI_URL ?? platform?.http;
  if (http === undefined) {
    throw new RheiError('invalid', `No platform is known: there is no --url, no RHEI_URL, and no ${join(folder, 'platform.json')}.`, {
      hint: 'start one with "npm start", or name its address with --url http://host:8080',
    });
  }
  const url = URL.canParse(http) ? new URL(http) : undefined;
  if (url === undefined) throw new RheiError('invalid', `The address ${JSON.stringify(http)} is no URL.`, { expected: 'http://host:port', got: http });
  const fromFolder = flags.url === undefined && env.RHEI_URL === undefined;
  const grpc = flags.grpc ?? env.RHEI_GRPC ?? (fromFolder ? platform!.grpc : `${url.hostname}:${Number(url.port || 80) + 1}`);
  const as = flags.as ?? 'admin';
  const tokens = readTokens(folder);
  const token = flags.token ?? (flags.as === undefined ? env.RHEI_TOKEN : undefined) ?? tokens?.[as];
  if (token === undefined) {
    throw new RheiError('unauthenticated', `No token is known for "${as}": there is no --token, no RHEI_TOKEN, and ${tokensFile(folder)} does not name it.`, {
      hint: 'pass --token-file FILE, or set RHEI_TOKEN',
    });
  }
  return {
    http: http.replace(/\/$/, ''), grpc, token,
    addressFrom: flags.url !== undefined ? '--url' : env.RHEI_URL !== undefined ? 'RHEI_URL' : join(folder, 'platform.json'),
    tokenFrom: flags.token !== undefined ? '--token' : flags.as === undefined && env.RHEI_TOKEN !== undefined ? 'RHEI_TOKEN' : tokensFile(folder),
  };
}

const tokensFile = (folder: string): string => join(folder, 'tokens.json');

/** Tokens by principal, from the data folder of an embedded platform. */
export const readTokens = (folder: string): Record<string, string> | undefined => readTokenFile(tokensFile(folder));

/** Tokens by principal, from a JSON file. */
export const readTokenFile = (file: string): Record<string, string> | undefined => readJson(file);

function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined;
}

export type ClientConstructor<C extends Client> = new (address: string, credentials: ChannelCredentials, options?: object) => C;

/** A gRPC client of the platform. Large answers (decisions, versions) are allowed. */
export function clientOf<C extends Client>(constructor: ClientConstructor<C>, address: string): C {
  return new constructor(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
  });
}

type Unary<Request, Response> = (
  request: Request, metadata: Metadata, options: { deadline: Date }, callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

/** Calls one method as a promise; a failed call is a {@link RheiError} of the closed table. */
export function call<Request, Response>(
  client: Client, method: Unary<Request, Response>, request: Request, { token, seconds = 30 }: { token: string; seconds?: number },
): Promise<Response> {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const deadline = new Date(performance.timeOrigin + performance.now() + seconds * 1000);
  return new Promise((resolve, reject) => {
    method.call(client, request, metadata, { deadline }, (error, response) => (error === null ? resolve(response) : reject(translate(error))));
  });
}

const codes: Partial<Record<status, ErrorCode>> = {
  [status.INVALID_ARGUMENT]: 'invalid', [status.UNAUTHENTICATED]: 'unauthenticated', [status.PERMISSION_DENIED]: 'forbidden',
  [status.NOT_FOUND]: 'not_found', [status.ABORTED]: 'conflict', [status.ALREADY_EXISTS]: 'conflict', [status.FAILED_PRECONDITION]: 'gate_not_met',
  [status.RESOURCE_EXHAUSTED]: 'overloaded', [status.DEADLINE_EXCEEDED]: 'deadline_exceeded', [status.UNAVAILABLE]: 'unavailable',
  [status.CANCELLED]: 'unavailable', [status.UNIMPLEMENTED]: 'not_found',
};

const translate = (error: ServiceError): RheiError => new RheiError(codes[error.code] ?? 'internal', error.details || error.message);

/** Exit codes of the command line: what went wrong decides, so that scripts need not read the text. */
export const exitCodes: Record<ErrorCode, number> = {
  invalid: 2, rejected: 1, unauthenticated: 4, forbidden: 4, not_found: 3, conflict: 5, gate_not_met: 6, too_large: 1,
  overloaded: 7, deadline_exceeded: 7, unavailable: 7, internal: 1,
};
