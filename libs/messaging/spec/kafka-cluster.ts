import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, freshName } from '@rhei/testing';
import { asAdmin } from './kafka-client';

const docker = async (...args: string[]): Promise<string> => (await promisify(execFile)('docker', args)).stdout.trim();
const image = () => process.env['KAFKA_IMAGE'] ?? 'apache/kafka:4.3.1';
const infra = join(__dirname, '..', '..', '..', 'infra', 'kafka');

export interface BrokerOptions {
  /** How many; each is broker and controller. */
  brokers?: number;
  /** `KAFKA_…` on top. */
  settings?: Record<string, string>;
  /** The address at which clients are told to reach a broker, when it is not its own: a proxy stands there. */
  advertise?: (port: number) => Promise<number>;
  /** Users (SASL PLAIN and their passwords) with an authorizer, over TLS; `admin` may do everything. */
  users?: Record<string, string>;
}

/** Real brokers at ports that stay theirs over restarts, each in a container of its own. */
export class KafkaCluster {
  private constructor(readonly ports: number[], readonly advertised: number[], private readonly names: string[], private readonly network: string | undefined, private readonly keys: string | undefined) {}

  static async start({ brokers = 1, settings = {}, advertise = async (port) => port, users }: BrokerOptions = {}): Promise<KafkaCluster> {
    const name = freshName('kafka').replaceAll('_', '-');
    const names = Array.from({ length: brokers }, (_, i) => `${name}-${i + 1}`);
    const ports = await Promise.all(names.map(freePort));
    const advertised = await Promise.all(ports.map(advertise));
    const network = brokers > 1 ? name : undefined;
    if (network) await docker('network', 'create', network);
    const keys = users && await makeKeys();
    const cluster = new KafkaCluster(ports, advertised, names, network, keys);
    try {
      await Promise.all(names.map((one, i) => docker('run', '--detach', '--name', one, '--hostname', one, ...(network ? ['--network', network] : []),
        '--publish', `127.0.0.1:${ports[i]}:9092`, ...(keys ? ['--volume', `${keys}:/etc/keys:ro`] : []), '--tmpfs', '/opt/kafka/config:uid=1000,gid=1000,mode=0755',
        ...['log4j2.yaml', 'tools-log4j2.yaml'].flatMap((file) => ['--volume', `${join(infra, file)}:/mnt/shared/config/${file}:ro`]),
        ...Object.entries(environmentOf(i, names, advertised[i], settings, users)).flatMap(([key, value]) => ['--env', `${key}=${value}`]), image())));
      await Promise.all(names.map((one) => cluster.logged(one)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** For EVENT_LOG; `user:password` and settings where they are wanted. */
  url(user = '', query = ''): string {
    return `kafka://${user && `${user}@`}${this.advertised.map((port) => `127.0.0.1:${port}`).join(',')}${query && `?${query}`}`;
  }

  /** The file with the certificate of a cluster with users. */
  get ca(): string {
    return join(this.keys!, 'ca.pem');
  }

  /** Gives a user a password for SCRAM, by the tool inside the container. */
  async addScramUser(mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512', user: string, password: string): Promise<void> {
    await docker('exec', '--env', 'KAFKA_HEAP_OPTS=-Xmx128m', this.names[0], '/opt/kafka/bin/kafka-configs.sh', '--bootstrap-server', `${this.names[0]}:9094`, '--alter',
      '--add-config', `${mechanism}=[password=${password}]`, '--entity-type', 'users', '--entity-name', user);
  }

  /** The number of the broker that leads the partition. */
  async leaderOf(topic: string, partition: number): Promise<number> {
    const { topics: [{ partitions }] } = await asAdmin(this.url(), (admin) => admin.fetchTopicMetadata({ topics: [topic] }));
    return partitions.find(({ partitionId }) => partitionId === partition)!.leader;
  }

  /** The signal ends the broker with this number (from 1) at once. */
  async kill(broker = 1): Promise<void> {
    await docker('kill', '--signal', 'KILL', this.names[broker - 1]);
  }

  async begin(broker = 1): Promise<void> {
    await docker('start', this.names[broker - 1]);
  }

  async restart(broker = 1): Promise<void> {
    await docker('restart', '--time', '5', this.names[broker - 1]);
  }

  async stop(): Promise<void> {
    await docker('rm', '--force', '--volumes', ...this.names).catch(() => undefined);
    if (this.network) await docker('network', 'rm', this.network).catch(() => undefined);
    if (this.keys) rmSync(this.keys, { recursive: true, force: true });
  }

  private async logged(name: string): Promise<void> {
    await eventually(`${name} has started`, async () => {
      const { stdout, stderr } = await promisify(execFile)('docker', ['logs', name], { maxBuffer: 64e6 });
      return /Kafka Server started/.test(stdout + stderr);
    }, 60_000);
  }
}

function environmentOf(index: number, names: string[], port: number, settings: Record<string, string>, users: Record<string, string> | undefined): Record<string, string> {
  const copies = String(names.length);
  const inStep = String(Math.max(1, names.length - 1));
  return {
    CLUSTER_ID: '5L6g3nShT-eMCtK--X86sw',
    KAFKA_NODE_ID: String(index + 1), KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: names.map((name, i) => `${i + 1}@${name}:9093`).join(','), KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_LISTENERS: 'CLIENT://:9092,CONTROLLER://:9093,INTERNAL://:9094', KAFKA_ADVERTISED_LISTENERS: `CLIENT://127.0.0.1:${port},INTERNAL://${names[index]}:9094`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: `CLIENT:${users ? 'SASL_SSL' : 'PLAINTEXT'},CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT`, KAFKA_INTER_BROKER_LISTENER_NAME: 'INTERNAL',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: copies, KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: copies, KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: inStep,
    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: copies, KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: inStep,
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4', KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0', KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000', KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    // A dead broker is given up sooner than by default.
    KAFKA_BROKER_SESSION_TIMEOUT_MS: '3000', KAFKA_BROKER_HEARTBEAT_INTERVAL_MS: '500',
    KAFKA_HEAP_OPTS: '-Xms256m -Xmx512m',
    ...(users && security(users)), ...settings,
  };
}

const security = (users: Record<string, string>): Record<string, string> => ({
  KAFKA_AUTHORIZER_CLASS_NAME: 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  // Whoever comes by the inner listeners has no name.
  KAFKA_SUPER_USERS: 'User:admin;User:ANONYMOUS',
  KAFKA_SASL_ENABLED_MECHANISMS: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
  KAFKA_LISTENER_NAME_CLIENT_PLAIN_SASL_JAAS_CONFIG: `org.apache.kafka.common.security.plain.PlainLoginModule required ${Object.entries(users).map(([name, password]) => `user_${name}="${password}"`).join(' ')};`,
  KAFKA_LISTENER_NAME_CLIENT_SCRAM___SHA___512_SASL_JAAS_CONFIG: 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  KAFKA_LISTENER_NAME_CLIENT_SCRAM___SHA___256_SASL_JAAS_CONFIG: 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  KAFKA_LISTENER_NAME_CLIENT_SSL_KEYSTORE_LOCATION: '/etc/keys/broker.p12', KAFKA_LISTENER_NAME_CLIENT_SSL_KEYSTORE_TYPE: 'PKCS12',
  KAFKA_LISTENER_NAME_CLIENT_SSL_KEYSTORE_PASSWORD: 'for-tests-only', KAFKA_LISTENER_NAME_CLIENT_SSL_KEY_PASSWORD: 'for-tests-only',
});

/** A key and a certificate of its own for 127.0.0.1, by the image's Java. */
async function makeKeys(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'rhei-kafka-keys-'));
  const store = '-keystore broker.p12 -storetype PKCS12 -storepass for-tests-only -alias broker';
  await docker('run', '--rm', '--user', '0', '--volume', `${folder}:/keys`, '--workdir', '/keys', '--entrypoint', 'sh', image(), '-c',
    `keytool -genkeypair ${store} -keyalg EC -dname CN=127.0.0.1 -ext san=ip:127.0.0.1 -ext bc=ca:true -validity 2 && keytool -exportcert -rfc ${store} -file ca.pem && chmod 755 . && chmod 644 *`);
  return folder;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
