import { topics, type TopicName } from '@rhei/contracts';

/** A topic that an upstream system writes and ingestion reads. */
export interface UpstreamTopic {
  name: string;
  /** For a topic that is made, 1 unless given; one that is there may have as many as its owner likes. */
  partitions?: number;
  /** Users who may write it; nobody else may. */
  writers: string[];
}

/** A topic as it ought to be. */
export interface WantedTopic {
  name: string;
  partitions: number;
  replication: number;
  /** Settings of the topic, by Kafka's names. */
  config: Record<string, string>;
  /** Any number of partitions is as good. */
  anyPartitions?: boolean;
}

/** A topic as the broker describes it. */
export interface FoundTopic extends WantedTopic {
  /** Every setting, defaults included. Empty where the user may not read them. */
  config: Record<string, string>;
}

export interface TopicDifference {
  topic: string;
  /** `partitions`, `replication`, or the name of a setting. */
  what: string;
  wanted: string;
  found: string;
}

/** Bytes of the largest batch: the relay sends up to 4 MB of payload at once, and headers come on top. */
export const largestBatch = 10 * 1024 * 1024;
const day = 86_400_000;
/** As long as the inbox remembers an event, so that no copy comes after it was forgotten. */
const retention = 30 * day;

/** The topics of topics.ts, and those of upstream systems. `replication` copies of each; two of three must have an entry before it counts. */
export function wantedTopics(replication: number, upstream: UpstreamTopic[] = []): WantedTopic[] {
  const config = {
    'cleanup.policy': 'delete',
    'retention.ms': String(retention),
    'max.message.bytes': String(largestBatch),
    'min.insync.replicas': String(replication >= 3 ? 2 : 1),
    'unclean.leader.election.enable': 'false',
  };
  const ours = (Object.keys(topics) as TopicName[]).map((name) => ({ name, partitions: topics[name].partitions, replication, config }));
  return [...ours, ...upstream.map(({ name, partitions }) => ({ name, partitions: partitions ?? 1, replication, config, anyPartitions: partitions === undefined }))];
}

/** What is not as wanted in topics that are there. A setting that the user may not read is no difference. */
export function topicDifferences(wanted: WantedTopic[], found: FoundTopic[]): TopicDifference[] {
  const byName = new Map(found.map((topic) => [topic.name, topic]));
  return wanted.flatMap((want) => {
    const have = byName.get(want.name);
    if (!have) return [];
    const pairs: [what: string, wanted: string, found: string | undefined][] = [
      ['partitions', String(want.partitions), want.anyPartitions ? undefined : String(have.partitions)],
      ['replication', String(want.replication), String(have.replication)],
      ...Object.entries(want.config).map(([name, value]): [string, string, string | undefined] => [name, value, have.config[name]]),
    ];
    return pairs.flatMap(([what, expected, got]) => (got === undefined || got === expected ? [] : [{ topic: want.name, what, wanted: expected, found: got }]));
  });
}

export interface BrokerState {
  brokers: number;
  topics: FoundTopic[];
  /** Whether the broker makes a topic that somebody asks for; undefined where the user may not know. */
  autoCreate: boolean | undefined;
}

export interface Judgement {
  /** With these the services must not start. */
  refusals: string[];
  /** With these they start, and promise less. */
  warnings: string[];
}

/** What is wrong with a broker, as the services need it. */
export function judgeBroker({ topics: found, autoCreate }: BrokerState): Judgement {
  const refusals: string[] = [];
  const warnings: string[] = [];
  const byName = new Map(found.map((topic) => [topic.name, topic]));
  const wanted = wantedTopics(1);
  const missing = wanted.filter(({ name }) => !byName.has(name)).map(({ name }) => name);
  if (missing.length > 0) refusals.push(`The broker has no topic ${missing.map((name) => `"${name}"`).join(', ')}, or does not show it to this user.`);
  for (const { name, partitions } of wanted) {
    const have = byName.get(name);
    if (have && have.partitions !== partitions) refusals.push(`Topic "${name}" has ${have.partitions} partitions; topics.ts says ${partitions}. The partition of a key would not be the one that its readers know.`);
  }
  const ours = wanted.flatMap(({ name }) => byName.get(name) ?? []);
  const where = (bad: (topic: FoundTopic) => boolean): string | undefined => {
    const names = ours.filter(bad).map(({ name }) => name);
    return names.length === 0 ? undefined : names.length === ours.length ? 'every topic' : names.join(', ');
  };
  const warn = (names: string | undefined, text: string): void => void (names !== undefined && warnings.push(`${text} (${names}).`));
  const number = (topic: FoundTopic, name: string): number => Number(topic.config[name] ?? NaN);
  warn(where(({ replication }) => replication === 1), 'Replication is 1: what was acknowledged is lost with that broker\'s disk; expected 3 brokers and replication 3');
  warn(where((topic) => topic.replication > 1 && number(topic, 'min.insync.replicas') < 2), 'min.insync.replicas is 1: what was acknowledged may be on one broker only; expected 2');
  warn(where((topic) => topic.replication > 1 && number(topic, 'min.insync.replicas') >= topic.replication), 'min.insync.replicas equals the replication: one broker that is away stops all writing; expected one less');
  warn(where(({ config }) => config['unclean.leader.election.enable'] === 'true'), 'unclean.leader.election.enable is true: a broker that missed entries may become leader; expected false');
  warn(where((topic) => number(topic, 'max.message.bytes') < largestBatch), `max.message.bytes is below ${largestBatch}: a large batch is refused, and what follows it waits`);
  warn(where((topic) => number(topic, 'retention.ms') >= 0 && number(topic, 'retention.ms') < 7 * day), 'retention.ms is below 7 days: a service that is away for longer loses what it did not read');
  warn(where(({ config }) => config['cleanup.policy'] !== undefined && config['cleanup.policy'] !== 'delete'), 'cleanup.policy is not "delete": compaction removes events that were not read');
  if (autoCreate) warnings.push('auto.create.topics.enable is true: a misspelt topic comes into being without rights and with one partition; expected false.');
  return { refusals, warnings };
}
