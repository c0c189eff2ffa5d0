import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StartedTestContainer } from 'testcontainers';

/** The images that users pull; each can be replaced by a variable of the same name. */
const image = (variable: string, name: string): string => process.env[variable] ?? name;
const kafkaImage = () => image('KAFKA_IMAGE', 'apache/kafka:4.3.1');
const minioImage = () => image('MINIO_IMAGE', 'pgsty/minio:RELEASE.2026-08-04T00-00-00Z');
const infra = join(__dirname, '..', '..', '..', 'infra', 'kafka');
const jaegerImage = () => image('JAEGER_IMAGE', 'jaegertracing/jaeger:2.13.0');
const postgresImage = () => image('POSTGRES_IMAGE', 'postgres:18');

/** A real server in a container of its own. Stop it in the teardown: nothing else does where Ryuk cannot be had. */
export interface Contained {
  container: StartedTestContainer;
  stop(): Promise<void>;
}

export interface KafkaContainer extends Contained {
  /** `127.0.0.1:port`, without authentication. */
  broker: string;
}

// Loaded when a container is asked for: most specs need none, and it is a second of work.
const load = () => import('testcontainers');
const stopOf = (container: StartedTestContainer) => async () => void (await container.stop({ timeout: 1_000 }));

/** One Kafka node that is broker and controller, with `settings` (KAFKA_…) on top. The port is known only once it runs, so its start waits for it. */
export async function startKafka(settings: Record<string, string> = {}): Promise<KafkaContainer> {
  const { GenericContainer, Wait } = await load();
  const container = await new GenericContainer(kafkaImage())
    .withExposedPorts(9092)
    .withEnvironment({
      KAFKA_NODE_ID: '1', KAFKA_PROCESS_ROLES: 'broker,controller', KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093', KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093', KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1', KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1', KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1', KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0', KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false', KAFKA_HEAP_OPTS: '-Xmx512m', ...settings,
    })
    // The image writes its configuration at every start, over files that it may not own.
    .withTmpFs({ '/opt/kafka/config': 'uid=1000,gid=1000,mode=0755' })
    .withEntrypoint(['sh', '-c', 'echo waiting; until [ -s /tmp/start.sh ]; do sleep 0.05; done; exec sh /tmp/start.sh'])
    .withWaitStrategy(Wait.forLogMessage('waiting'))
    .start();
  const broker = `127.0.0.1:${container.getMappedPort(9092)}`;
  try {
    const logs = ['log4j2.yaml', 'tools-log4j2.yaml'];
    await container.copyContentToContainer([
      ...logs.map((name) => ({ target: `/tmp/${name}`, content: readFileSync(join(infra, name), 'utf8') })),
      { target: '/tmp/start.sh', content: `cp /tmp/*.yaml /mnt/shared/config/\nexport KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://${broker}\nexec /etc/kafka/docker/run\n` },
    ]);
    await logged(container, /Kafka Server started/);
  } catch (error) {
    await stopOf(container)();
    throw error;
  }
  return { container, broker, stop: stopOf(container) };
}

export interface MinioContainer extends Contained {
  /** `s3://user:password@127.0.0.1:port/bucket`; the bucket is not there yet. */
  url(bucket: string): string;
  endpoint: string;
}

export async function startMinio(): Promise<MinioContainer> {
  const { GenericContainer, Wait } = await load();
  const [user, password] = ['for-tests', 'for-tests-only'];
  const container = await new GenericContainer(minioImage())
    .withExposedPorts(9000).withEnvironment({ MINIO_ROOT_USER: user, MINIO_ROOT_PASSWORD: password })
    .withCommand(['server', '/data']).withWaitStrategy(Wait.forHttp('/minio/health/live', 9000)).start();
  const endpoint = `127.0.0.1:${container.getMappedPort(9000)}`;
  return { container, endpoint, url: (bucket) => `s3://${user}:${password}@${endpoint}/${bucket}?tls=false`, stop: stopOf(container) };
}

export interface JaegerContainer extends Contained {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:port`. */
  otlp: string;
  /** The query API and the pages: `http://127.0.0.1:port`. */
  query: string;
}

export async function startJaeger(): Promise<JaegerContainer> {
  const { GenericContainer, Wait } = await load();
  const container = await new GenericContainer(jaegerImage())
    .withExposedPorts(4318, 16686).withWaitStrategy(Wait.forListeningPorts()).start();
  return {
    container, otlp: `http://127.0.0.1:${container.getMappedPort(4318)}`, query: `http://127.0.0.1:${container.getMappedPort(16686)}`, stop: stopOf(container),
  };
}

export interface PostgresContainer extends Contained {
  /** Of the superuser `postgres`, to this database. */
  url(database?: string): string;
}

export async function startPostgres(): Promise<PostgresContainer> {
  const { GenericContainer, Wait } = await load();
  const container = await new GenericContainer(postgresImage())
    .withExposedPorts(5432).withEnvironment({ POSTGRES_PASSWORD: 'for-tests-only' })
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2)).start();
  return { container, url: (database = 'postgres') => `postgres://postgres:for-tests-only@127.0.0.1:${container.getMappedPort(5432)}/${database}`, stop: stopOf(container) };
}

async function logged(container: StartedTestContainer, text: RegExp, seconds = 60): Promise<void> {
  const stream = await container.logs();
  let seen = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The container did not log ${text} within ${seconds} s. It said:\n${seen.slice(-2000)}`)), seconds * 1000);
    stream.on('data', (line: Buffer | string) => {
      seen += line.toString();
      if (!text.test(seen)) return;
      clearTimeout(timer);
      stream.destroy();
      resolve();
    });
  });
}
