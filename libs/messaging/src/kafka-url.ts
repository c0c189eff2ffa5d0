import { invalid } from '@rhei/contracts';

export const saslMechanisms = ['scram-sha-512', 'scram-sha-256', 'plain'] as const;
export type SaslMechanism = (typeof saslMechanisms)[number];

/** What `EVENT_LOG=kafka://…` says. */
export interface KafkaAddress {
  /** `host:port`, at least one. */
  brokers: string[];
  user?: string;
  password?: string;
  /** Set exactly when there is a user. */
  sasl?: SaslMechanism;
  tls: boolean;
  /** Path of a file with the authority's certificate, PEM. */
  ca?: string;
  /** Whether the broker recognises a batch that is sent again. Off: it may be stored twice, and the inbox decides. */
  idempotent: boolean;
  /** Milliseconds after which a member of a consumer group that says nothing has lost its partitions. */
  session: number;
}

const example = 'kafka://user@host:9092,host2:9092?sasl=scram-sha-512&tls=true&ca=/path/ca.pem';
const settings = ['sasl', 'tls', 'ca', 'idempotent', 'session'];

/**
 * Reads `kafka://[user[:password]@]host[:port],…[?setting=value&…]`; user and password are URL-encoded.
 * Errors: `invalid`, naming the part, what was expected and what came. A password is never in the message.
 */
export function parseKafkaUrl(url: string): KafkaAddress {
  const match = /^kafka:\/\/(?:([^@/?#]*)@)?([^@/?#]+)\/?(?:\?([^#]*))?$/.exec(url);
  if (!match) throw invalid(`The address of the event log is no Kafka URL: expected ${example}.`);
  const [, credentials, hosts, query] = match;
  const parameters = new URLSearchParams(query ?? '');
  const unknown = [...parameters.keys()].find((name) => !settings.includes(name));
  if (unknown !== undefined) throw invalid(`The Kafka URL has the setting "${unknown}": expected one of ${settings.join(', ')}.`);
  const session = Number(parameters.get('session') ?? 10_000);
  if (!Number.isInteger(session) || session < 1_000 || session > 300_000) {
    throw invalid(`The Kafka URL has session=${parameters.get('session')}: expected whole milliseconds from 1000 to 300000.`);
  }
  const ca = parameters.get('ca');
  const tls = flag(parameters, 'tls', ca !== null);
  if (ca !== null && !tls) throw invalid('The Kafka URL has a ca and tls=false: expected tls=true, or no ca.');
  return { brokers: brokersOf(hosts), ...whoOf(credentials, parameters), tls, ...(ca !== null && { ca }), idempotent: flag(parameters, 'idempotent', true), session };
}

/** The URL without its password, for messages. */
export const withoutPassword = (url: string): string => url.replace(/^(kafka:\/\/[^:@/]*):[^@/]*@/, '$1:…@');

function brokersOf(hosts: string): string[] {
  return hosts.split(',').map((host) => {
    const match = /^(\[[0-9a-f:.]+\]|[^:\s]+)(?::(\d{1,5}))?$/i.exec(host);
    if (!match || Number(match[2] ?? 9092) > 65_535) throw invalid(`The Kafka URL names the broker "${host}": expected host:port, such as localhost:9092.`);
    return `${match[1]}:${match[2] ?? 9092}`;
  });
}

function whoOf(credentials: string | undefined, parameters: URLSearchParams): Pick<KafkaAddress, 'user' | 'password' | 'sasl'> {
  const sasl = parameters.get('sasl');
  if (sasl !== null && !(saslMechanisms as readonly string[]).includes(sasl)) throw invalid(`The Kafka URL has sasl=${sasl}: expected ${saslMechanisms.join(', ')}.`);
  if (!credentials) {
    if (sasl !== null) throw invalid(`The Kafka URL has sasl=${sasl} and no user: expected ${example}.`);
    return {};
  }
  const colon = credentials.indexOf(':');
  const user = decoded(colon < 0 ? credentials : credentials.slice(0, colon), 'user');
  const password = colon < 0 ? '' : decoded(credentials.slice(colon + 1), 'password');
  if (user === '') throw invalid(`The Kafka URL has an empty user: expected ${example}.`);
  if (password === '') throw invalid(`The Kafka URL has the user "${user}" and no password: set the variable of the same name with _PASSWORD_FILE, or write user:password (URL-encoded).`);
  return { user, password, sasl: (sasl ?? 'scram-sha-512') as SaslMechanism };
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`The ${part} in the Kafka URL is not URL-encoded: write % as %25.`);
  }
}

function flag(parameters: URLSearchParams, name: string, fallback: boolean): boolean {
  const text = parameters.get(name);
  if (text === null) return fallback;
  if (text !== 'true' && text !== 'false') throw invalid(`The Kafka URL has ${name}=${text}: expected true or false.`);
  return text === 'true';
}
