import { setTimeout as sleep } from 'node:timers/promises';
import { invalid, RheiError, unavailable, type ServiceName } from '@rhei/contracts';
import { describeBroker } from './broker-check';
import { adminClient, kafkajs, openClient, type AclEntry, type Admin } from './kafka';
import { grantsOf, type Grant } from './kafka-acls';
import { KafkaAdmin } from './kafka-admin';
import { topicDifferences, wantedTopics, type FoundTopic, type TopicDifference, type UpstreamTopic, type WantedTopic } from './kafka-topics';
import { parseKafkaUrl } from './kafka-url';
import type { Logger } from './logger';

export interface TopicsOptions {
  /** `kafka://…` of a user who may make topics. */
  url: string;
  logger?: Logger;
  upstream?: UpstreamTopic[];
  /** Copies of each topic; default: as many as there are brokers, 3 at most. */
  replication?: number;
}

export interface ApplyTopicsOptions extends TopicsOptions {
  /** Also grant what topics.ts asks for. The broker needs an authorizer. */
  acls?: boolean;
  /** The user of a service; default: its name. */
  userOf?: (service: ServiceName) => string;
}

export interface TopicsSurvey {
  brokers: number;
  wanted: WantedTopic[];
  found: FoundTopic[];
  missing: string[];
  differences: TopicDifference[];
}

export interface TopicsApplied extends TopicsSurvey {
  created: string[];
  /** Granted now or before; undefined where that was not asked for. */
  grants: Grant[] | undefined;
}

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** What ought to be on the broker and what is. Errors: `unavailable`, `forbidden`, `invalid`. */
export async function surveyTopics(options: TopicsOptions): Promise<TopicsSurvey> {
  return withAdmin(options, (admin) => survey(admin, options));
}

/**
 * Makes the topics that are missing, and grants rights when asked to. A topic that is there and differs is told and left
 * as it is: more partitions would move keys, and a person decides about the rest. Run again, it changes nothing.
 * Errors: as {@link surveyTopics}.
 */
export async function applyTopics(options: ApplyTopicsOptions): Promise<TopicsApplied> {
  return withAdmin(options, async (admin) => {
    const { wanted, missing } = await survey(admin, options);
    if (missing.length > 0) await create(admin, wanted.filter(({ name }) => missing.includes(name)));
    const grants = options.acls ? grantsOf(options.upstream, options.userOf) : undefined;
    if (grants) await admin.use('the rights', (one) => one.createAcls({ acl: grants.map(aclOf) }));
    return { ...(await survey(admin, options)), created: missing, grants };
  });
}

async function withAdmin<Result>({ url, logger = silent }: TopicsOptions, work: (admin: KafkaAdmin) => Promise<Result>): Promise<Result> {
  const address = parseKafkaUrl(url);
  const admin = new KafkaAdmin(() => openClient(address, 'rhei topics', logger, adminClient, (kafka) => kafka.admin()));
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

async function survey(admin: KafkaAdmin, { upstream = [], replication }: TopicsOptions): Promise<TopicsSurvey> {
  const names = wantedTopics(1, upstream).map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw invalid(`Topic "${twice}" is wanted twice: a source's topic must be its own, and none of those of topics.ts.`);
  const { brokers, topics: found } = await admin.use('its topics', (one) => describeBroker(one, names));
  if (replication !== undefined && replication > brokers) throw invalid(`Replication ${replication} was asked for, and the cluster has ${brokers} ${brokers === 1 ? 'broker' : 'brokers'}: expected at most as many.`);
  const wanted = wantedTopics(replication ?? Math.min(3, brokers), upstream);
  const there = new Set(found.map(({ name }) => name));
  return { brokers, wanted, found, missing: names.filter((name) => !there.has(name)), differences: topicDifferences(wanted, found) };
}

async function create(admin: KafkaAdmin, topics: WantedTopic[]): Promise<void> {
  await admin.use('new topics', (one) => one.createTopics({
    // Waiting for leaders may fail on a cluster although the topics are made: the metadata tells.
    waitForLeaders: false, timeout: 10_000,
    topics: topics.map(({ name, partitions, replication, config }) => ({
      topic: name, numPartitions: partitions, replicationFactor: replication, configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
    })),
  }));
  for (let attempt = 1; ; attempt++) {
    if ((await admin.use('new topics', (one) => haveLeaders(one, topics))) && (await answer(admin, topics))) return;
    if (attempt === 100) throw unavailable(`The broker has taken the order for ${topics.map(({ name }) => name).join(', ')}, but not all have a leader after 10 s. Run the same command again.`);
    await sleep(100);
  }
}

async function haveLeaders(admin: Admin, topics: WantedTopic[]): Promise<boolean> {
  const there = new Set(await admin.listTopics());
  if (topics.some(({ name }) => !there.has(name))) return false;
  const { topics: described } = await admin.fetchTopicMetadata({ topics: topics.map(({ name }) => name) });
  return topics.every(({ name, partitions }) => {
    const found = described.find((topic) => topic.name === name)?.partitions ?? [];
    return found.length === partitions && found.every(({ leader }) => leader >= 0);
  });
}

/** A broker may be named as the leader before it knows it. */
async function answer(admin: KafkaAdmin, topics: WantedTopic[]): Promise<boolean> {
  try {
    await Promise.all(topics.map(({ name }) => admin.reach(name)));
    return true;
  } catch (error) {
    if (error instanceof RheiError && error.code === 'unavailable') return false;
    throw error;
  }
}

function aclOf({ principal, resource, name, match, operation }: Grant): AclEntry {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs();
  return {
    principal, host: '*', permissionType: AclPermissionTypes.ALLOW, resourceName: name,
    resourceType: { topic: AclResourceTypes.TOPIC, group: AclResourceTypes.GROUP, cluster: AclResourceTypes.CLUSTER }[resource],
    resourcePatternType: { literal: ResourcePatternTypes.LITERAL, prefixed: ResourcePatternTypes.PREFIXED }[match],
    operation: { read: AclOperationTypes.READ, write: AclOperationTypes.WRITE, describe: AclOperationTypes.DESCRIBE, describe_configs: AclOperationTypes.DESCRIBE_CONFIGS }[operation],
  };
}
