import { ChannelCredentials, credentials, Metadata, type Client, type ServiceError } from '@grpc/grpc-js';
import { RheiError, type ErrorCode, type ServiceName } from '@rhei/contracts';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { grpcOf, readAddresses, type Place } from './addresses';
import { errorOfCall } from './grpc-error';

/** Where the platform is and as whom we speak, each with the place it was taken from. */
export interface Target extends Place {
  token: string;
  addressFrom: string;
  tokenFrom: string;
  /** Where the traces can be looked at, if the platform says so. */
  jaeger?: string;
}

export interface TargetFlags {
  url?: string;
  grpc?: string;
  token?: string;
  /** A file that holds one token, or a JSON object of tokens by principal; "-" reads standard input. */
  tokenFile?: string;
  /** The principal of the token file to speak as. */
  as?: string;
  data?: string;
}

/** What a data folder says about its platform: an embedded one is behind one address, a deployed one names each service's. */
interface PlatformFile {
  http: string;
  grpc?: string;
  services?: unknown;
  jaeger?: string;
}

/**
 * Finds address and token: flags first, then `RHEI_URL` and `RHEI_TOKEN`, then the data folder of an embedded platform.
 * Errors: `invalid`, naming the three places, when there is no address; `unauthenticated` when there is no token.
 */
export function findTarget(flags: TargetFlags, env: Record<string, string | undefined>): Target {
  const folder = flags.data ?? env.RHEI_DATA ?? '.rhei';
  const file = join(folder, 'platform.json');
  const platform = readJson<PlatformFile>(file);
  const http = flags.url ?? env.RHEI_URL ?? platform?.http;
  if (http === undefined) {
    throw new RheiError('invalid', `No platform is known: there is no --url, no RHEI_URL, and no ${file}.`, {
      field: '--url', expected: 'the address of a platform', got: 'nothing', hint: 'start one with "npm start", or name its address with --url http://host:8080',
    });
  }
  const addressFrom = flags.url !== undefined ? '--url' : env.RHEI_URL !== undefined ? 'RHEI_URL' : file;
  const url = URL.canParse(http) ? new URL(http) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new RheiError('invalid', `The address ${JSON.stringify(http)} from ${addressFrom} is no URL.`, { field: addressFrom, expected: 'http://host:port', got: http, hint: 'the start of the platform prints its address' });
  }
  // The gRPC port is the one after the HTTP port unless somebody says otherwise.
  const beside = `${url.hostname}:${Number(url.port || 80) + 1}`;
  const given = flags.grpc ?? env.RHEI_GRPC;
  const grpc = given ?? (addressFrom === file ? (platform!.grpc ?? beside) : beside);
  // One address that somebody names is the address of all.
  const services = addressFrom === file && given === undefined && platform!.services !== undefined ? readAddresses(platform!.services, file) : undefined;
  const jaeger = addressFrom === file ? platform!.jaeger : undefined;
  return { http: http.replace(/\/$/, ''), grpc, ...(services && { services }), ...(jaeger !== undefined && { jaeger }), addressFrom, ...findToken(flags, env, folder) };
}

function findToken(flags: TargetFlags, env: Record<string, string | undefined>, folder: string): { token: string; tokenFrom: string } {
  if (flags.token !== undefined) return { token: flags.token, tokenFrom: '--token' };
  if (flags.tokenFile !== undefined) return tokenIn(flags.tokenFile, flags.as);
  if (flags.as === undefined && env.RHEI_TOKEN !== undefined) return { token: env.RHEI_TOKEN.trim(), tokenFrom: 'RHEI_TOKEN' };
  const file = tokensFile(folder);
  const as = flags.as ?? 'admin';
  const tokens = readTokens(folder);
  if (tokens?.[as] !== undefined) return { token: tokens[as], tokenFrom: `${file} ("${as}")` };
  const missing = flags.as === undefined ? 'there is no --token, no --token-file, no RHEI_TOKEN, and' : 'there is no --token and no --token-file, and';
  throw new RheiError('unauthenticated', `No token is known for "${as}": ${missing} ${tokens === undefined ? `no ${file}` : `${file} names only ${Object.keys(tokens).join(', ')}`}.`, {
    field: '--token-file', expected: `the token of ${as}`, got: 'none', hint: 'pass --token-file FILE, or set RHEI_TOKEN',
  });
}

function tokenIn(file: string, as: string | undefined): { token: string; tokenFrom: string } {
  const tokenFrom = file === '-' ? '--token-file (standard input)' : `--token-file ${file}`;
  if (file !== '-' && !existsSync(file)) throw new RheiError('not_found', `There is no token file ${file}.`, { field: '--token-file', expected: 'a file with a token', got: file, hint: '"-" is standard input' });
  const text = readFileSync(file === '-' ? 0 : file, 'utf8').trim();
  if (text === '') throw new RheiError('unauthenticated', `The token from ${tokenFrom} is empty.`, { field: '--token-file', expected: 'a token', got: 'nothing', hint: 'the start of the platform prints the admin\'s once; its data folder keeps all' });
  if (!text.startsWith('{')) return { token: text, tokenFrom };
  const name = as ?? 'admin';
  const tokens = parseJson<Record<string, string>>(text, file);
  if (tokens[name] === undefined) {
    throw new RheiError('unauthenticated', `No token is known for "${name}": ${tokenFrom} names only ${Object.keys(tokens).join(', ')}.`, { field: '--as', expected: `one of ${Object.keys(tokens).join(', ')}`, got: name, hint: 'name one of them with --as NAME' });
  }
  return { token: tokens[name], tokenFrom: `${tokenFrom} ("${name}")` };
}

const tokensFile = (folder: string): string => join(folder, 'tokens.json');

/** Tokens by principal, from the data folder of an embedded platform. */
export const readTokens = (folder: string): Record<string, string> | undefined => readTokenFile(tokensFile(folder));

/** Tokens by principal, from a JSON file. */
export const readTokenFile = (file: string): Record<string, string> | undefined => readJson(file);

function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? parseJson<T>(readFileSync(file, 'utf8'), file) : undefined;
}

function parseJson<T>(text: string, file: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new RheiError('invalid', `${file} is no JSON: ${(error as Error).message}`);
  }
}

export type ClientConstructor<C extends Client> = new (address: string, credentials: ChannelCredentials, options?: object) => C;

/**
 * A gRPC client of the platform. Large answers (decisions, versions) are allowed. Of several addresses the first that answers
 * is asked until it goes away; `balanced`: they take turns.
 */
export function clientOf<C extends Client>(constructor: ClientConstructor<C>, address: string, { balanced = false } = {}): C {
  return new constructor(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    ...(balanced && { 'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }) }),
  });
}

/** Which address a failed call was made to, where the client has more than one. */
const askedAt = new WeakMap<ServiceError, string>();

/** A client for what every service answers about itself: each call goes to the service that its request names. */
export function clientByService<C extends Client>(constructor: ClientConstructor<C>, place: Place): C {
  const clients = new Map<string, C>();
  const at = (address: string): C => {
    const client = clients.get(address) ?? clientOf(constructor, address);
    clients.set(address, client);
    return client;
  };
  return new Proxy(at(place.grpc), {
    get(first, property) {
      if (property === 'close') return () => clients.forEach((client) => client.close());
      const value: unknown = Reflect.get(first, property);
      if (typeof value !== 'function' || property === 'getChannel') return typeof value === 'function' ? value.bind(first) : value;
      const routed = (request: { service: ServiceName }, ...rest: unknown[]): unknown => {
        const address = grpcOf(place, request.service);
        const answer = rest.pop() as (error: ServiceError | null, response: unknown) => void;
        const client = at(address);
        return (Reflect.get(client, property) as (...args: unknown[]) => unknown).call(client, request, ...rest, (error: ServiceError | null, response: unknown) => {
          if (error !== null) askedAt.set(error, address);
          answer(error, response);
        });
      };
      return Object.defineProperty(routed, 'name', { value: property });
    },
  });
}

export type Unary<Request, Response> = (
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
    method.call(client, request, metadata, { deadline }, (error, response) =>
      error === null ? resolve(response) : reject(errorOfCall(error, (askedAt.get(error) ?? client.getChannel().getTarget()).replace(/^(dns|ipv4):/, ''))));
  });
}

/** Exit codes of the command line: what went wrong decides, so that scripts need not read the text. */
export const exitCodes: Record<ErrorCode, number> = {
  invalid: 2, rejected: 1, unauthenticated: 4, forbidden: 4, not_found: 3, conflict: 5, gate_not_met: 6, too_large: 1,
  overloaded: 7, deadline_exceeded: 7, unavailable: 7, internal: 1,
};
