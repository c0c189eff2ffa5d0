import { readFileSync } from 'node:fs';
import { serviceNames, type ServiceName } from '@rhei/contracts';
import { parseInstant, type Instant } from '@rhei/expressions';
import { z } from 'zod';
import { logLevels, type LogLevel } from './logger';
import { withPassword } from './password-file';
import { readS3Url, s3Example } from './s3-location';
import type { Service } from './service';
import type { TracingOptions } from './tracing';

export type Environment = Record<string, string | undefined>;

/** Why a process cannot start: what, where, and which variable to change. It ends with exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly exitCode = 2;
}

export interface ServiceConfig {
  databaseUrl: string;
  eventLog: string;
  blobs: string;
  /** A folder for local copies of blobs that are kept elsewhere. */
  blobsCache: string | undefined;
  clock: 'system' | 'replay';
  clockStart: Instant | undefined;
  token: string;
  /** Addresses of peers that are not behind this process's own gRPC port. */
  peers: Partial<Record<ServiceName, string>>;
  logLevel: LogLevel;
  own: unknown;
}

export interface ProcessConfig {
  httpPort: number;
  grpcPort: number;
  principals: string;
  logLevel: LogLevel;
  /** Absent: no spans. */
  tracing: TracingOptions | undefined;
  services: Map<ServiceName, ServiceConfig>;
}

interface Fault {
  variable: string;
  expected: string;
  got: string | undefined;
  example?: string;
}

/** The environment of this process; the only place that reads it. */
export const processEnvironment = (): Environment => process.env;

/**
 * Reads and checks all variables of the process.
 * @throws ConfigError that lists every fault at once: the variable, what was expected, what came, an example
 */
export function readConfig(services: Service[], env: Environment): ProcessConfig {
  const faults: Fault[] = [];
  const read = <T>(names: string[], parse: (text: string | undefined) => T | Expected): T => {
    const name = names.find((candidate) => filled(env[candidate]) !== undefined);
    const text = name === undefined ? undefined : filled(env[name]);
    const value = parse(text);
    if (value instanceof Expected) {
      faults.push({ variable: name ?? names.join(' or '), expected: value.what, got: text, ...(value.example && { example: value.example }) });
      return undefined as T;
    }
    return value;
  };
  const result: ProcessConfig = {
    httpPort: read(['HTTP_PORT'], port(8080)),
    grpcPort: read(['GRPC_PORT'], port(8081)),
    principals: read(['PRINCIPALS'], existing('a file of principals', '/var/lib/rhei/principals.json')),
    logLevel: read(['LOG_LEVEL'], level),
    tracing: undefined,
    services: new Map(),
  };
  const [endpoint, ratio] = [read(['OTEL_EXPORTER_OTLP_ENDPOINT'], collector), read(['OTEL_TRACES_SAMPLER_ARG'], share)];
  if (endpoint !== undefined) result.tracing = { endpoint, ratio };
  for (const service of services) {
    const both = (variable: string) => [`${service.name.toUpperCase()}_${variable}`, variable];
    const secured = (variable: string, parse: (text: string | undefined) => string | Expected): string => {
      const value = read(both(variable), parse);
      const complete = value === undefined ? value : withPassword(both(variable), value, env);
      if (typeof complete !== 'object') return complete;
      faults.push(complete);
      return value;
    };
    const config: ServiceConfig = {
      databaseUrl: secured('DATABASE_URL', url(['postgres', 'postgresql'], `postgres://rhei_${service.name}:secret@localhost:5432/${service.name}`)),
      eventLog: secured('EVENT_LOG', url(['postgres', 'postgresql', 'kafka'], `postgres://rhei_${service.name}:secret@localhost:5432/log`)),
      blobs: secured('BLOBS', blobs),
      blobsCache: read(both('BLOBS_CACHE'), (text) => text),
      clock: read(both('CLOCK'), (text = 'system') => (text === 'system' || text === 'replay' ? text : new Expected('system or replay', 'replay'))),
      clockStart: read(both('CLOCK_START'), instant),
      token: readToken(service.name, env, faults),
      peers: {},
      logLevel: read([`${service.name.toUpperCase()}_LOG_LEVEL`, 'LOG_LEVEL'], level),
      own: undefined,
    };
    for (const peer of serviceNames) {
      const address = read(both(`${peer.toUpperCase()}_GRPC`), (text) =>
        text === undefined || /^[^\s/]+:\d+$/.test(text) ? text : new Expected('host:port', `${peer}:8081`));
      if (address !== undefined) config.peers[peer] = address;
    }
    config.own = readOwn(service, env, faults);
    result.services.set(service.name, config);
  }
  refuseSharedDatabases(result, faults);
  if (faults.length > 0) throw new ConfigError(describe(faults));
  return result;
}

class Expected {
  constructor(readonly what: string, readonly example?: string) {}
}

const filled = (text: string | undefined): string | undefined => (text === undefined || text.trim() === '' ? undefined : text.trim());

const port = (fallback: number) => (text = String(fallback)) =>
  /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : new Expected('a port from 0 to 65535', String(fallback));

const level = (text: string = 'info') => logLevels.find((known) => known === text) ?? new Expected(`one of ${logLevels.join(', ')}`, 'info');

const url = (schemes: string[], example: string) => (text: string | undefined) =>
  // A list of brokers is no URL that URL can read.
  text !== undefined && (URL.canParse(text) || /^kafka:\/\/[^\s/?#]+/.test(text)) && schemes.includes(text.split(':', 1)[0]) ? text : new Expected(`a URL ${schemes[0]}://…`, example);

function blobs(text: string | undefined): string | Expected {
  const example = 'file:/var/lib/rhei/blobs';
  if (text?.startsWith('s3:')) {
    try {
      readS3Url(text);
      return text;
    } catch (error) {
      return new Expected((error as Error).message, s3Example);
    }
  }
  return text !== undefined && /^file:.+/.test(text) ? text : new Expected('a folder file:/… or a bucket s3://…', example);
}

function instant(text: string | undefined): Instant | undefined | Expected {
  if (text === undefined) return undefined;
  try {
    return parseInstant(text);
  } catch {
    return new Expected('an instant in RFC 3339', '2001-01-01T00:00:00Z');
  }
}

const collector = (text: string | undefined) =>
  text === undefined || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) ? text : new Expected('the URL of an OTLP collector over HTTP', 'http://jaeger:4318');

const share = (text = '1') => (Number(text) >= 0 && Number(text) <= 1 ? Number(text) : new Expected('the share of new traces to keep, from 0 to 1', '0.1'));

const existing = (what: string, example: string) => (text: string | undefined) => {
  if (text === undefined) return new Expected(`the path of ${what}`, example);
  try {
    readFileSync(text);
    return text;
  } catch (error) {
    return new Expected(`the path of ${what} that can be read (${(error as NodeJS.ErrnoException).code})`, example);
  }
};

/** A service's own credential: given as it is, or as the path of a file that holds it. */
function readToken(name: ServiceName, env: Environment, faults: Fault[]): string {
  const upper = name.toUpperCase();
  for (const scope of [`${upper}_`, '']) {
    const token = filled(env[`${scope}TOKEN`]);
    if (token !== undefined) return token;
    const path = filled(env[`${scope}TOKEN_FILE`]);
    if (path === undefined) continue;
    try {
      return readFileSync(path, 'utf8').trim();
    } catch (error) {
      faults.push({ variable: `${scope}TOKEN_FILE`, expected: `a file that can be read (${(error as NodeJS.ErrnoException).code})`, got: path });
      return '';
    }
  }
  faults.push({ variable: `${upper}_TOKEN or ${upper}_TOKEN_FILE`, expected: `the credential by which ${name} calls its peers`, got: undefined, example: `/run/secrets/${name}` });
  return '';
}

function readOwn(service: Service, env: Environment, faults: Fault[]): unknown {
  const scope = `${service.name.toUpperCase()}_`;
  const variables = new Map(fieldsOf(service.config).map((field) => [field, field.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()]));
  const given: Record<string, string> = {};
  for (const [field, variable] of variables) {
    const text = filled(env[scope + variable]) ?? filled(env[variable]);
    if (text !== undefined) given[field] = text;
  }
  const parsed = service.config.safeParse(given);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const field = String(issue.path[0] ?? '');
    faults.push({ variable: scope + (variables.get(field) ?? field), expected: issue.message.replace(/^(Invalid input: )?expected /, ''), got: given[field] });
  }
  return undefined;
}

/** Names of the variables in a zod object, also below transforms and refinements. */
function fieldsOf(type: z.ZodType): string[] {
  if (type instanceof z.ZodObject) return Object.keys(type.shape);
  if (type instanceof z.ZodPipe) return fieldsOf(type.in as z.ZodType);
  return [];
}

function refuseSharedDatabases({ services }: ProcessConfig, faults: Fault[]): void {
  const owners = new Map<string, ServiceName>();
  for (const [name, { databaseUrl }] of services) {
    if (databaseUrl === undefined) continue;
    const { host, pathname } = new URL(databaseUrl);
    const other = owners.get(host + pathname);
    if (other) faults.push({ variable: `${name.toUpperCase()}_DATABASE_URL`, expected: `a database of ${name}'s own: ${other} has this one`, got: databaseUrl });
    owners.set(host + pathname, name);
  }
}

function describe(faults: Fault[]): string {
  const lines = faults.map(({ variable, expected, got, example }) =>
    `  ${variable}: expected ${expected}; got ${got === undefined ? 'nothing' : `"${withoutSecret(variable, got)}"`}.${example ? ` Example: ${example}` : ''}`);
  return [`The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:`, ...lines].join('\n');
}

/** The value as it may be printed: a URL without its password, a token not at all. */
export function withoutSecret(variable: string, value: string): string {
  if (/TOKEN|PASSWORD|SECRET/.test(variable) && !variable.endsWith('_FILE')) return '…';
  return value.replace(/(:\/\/[^:@/\s]*):[^@/\s]*@/, '$1:…@');
}
