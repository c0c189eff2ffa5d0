import { setTimeout as sleep } from 'node:timers/promises';
import { invalid, RheiError } from '@rhei/contracts';
import { kafkajs, type Admin } from './kafka';
import type { KafkaAdmin } from './kafka-admin';
import { kafkaCode } from './kafka-failure';
import { judgeBroker, wantedTopics, type BrokerState, type FoundTopic } from './kafka-topics';
import { withoutPassword } from './kafka-url';
import type { Logger } from './logger';

/** Milliseconds between two attempts while no broker answers. */
const againAfter = 1_000;

/** Looks at the start whether the broker is there and set up as the events need it. */
export class BrokerCheck {
  constructor(private readonly admin: KafkaAdmin, private readonly url: string, private readonly logger: Logger) {}

  /** Waits for the broker; returns early when the signal ends it. Errors: `invalid` with everything that is wrong, `forbidden`. */
  async pass(signal?: AbortSignal): Promise<void> {
    const state = await this.state(signal);
    if (!state) return;
    const { refusals, warnings } = judgeBroker(state);
    for (const warning of warnings) this.logger.warn({ broker: withoutPassword(this.url) }, warning);
    if (refusals.length > 0) throw invalid(`${refusals.join(' ')} Make the topics: rhei topics apply --broker ${withoutPassword(this.url)}; rhei topics list shows what differs.`);
  }

  private async state(signal: AbortSignal | undefined): Promise<BrokerState | undefined> {
    for (let attempt = 1; !signal?.aborted; attempt++) {
      try {
        return await this.admin.use('its topics', (admin) => describeBroker(admin, wantedTopics(1).map(({ name }) => name)));
      } catch (error) {
        if (!(error instanceof RheiError) || error.code !== 'unavailable') throw error;
        if (attempt % 20 === 1) this.logger.warn({ broker: withoutPassword(this.url), reason: error.message }, 'the event log does not answer; waiting for it');
        await sleep(againAfter, undefined, { signal }).catch(() => undefined);
      }
    }
    return undefined;
  }
}

/** The brokers and those of these topics that are there. */
export async function describeBroker(admin: Admin, names: string[]): Promise<BrokerState> {
  const { brokers } = await admin.describeCluster();
  const there = new Set(await admin.listTopics());
  const asked = names.filter((name) => there.has(name));
  const metadata = asked.length === 0 ? [] : (await admin.fetchTopicMetadata({ topics: asked })).topics;
  const configs = await topicConfigs(admin, asked);
  const topics = metadata.map(({ name, partitions }): FoundTopic => ({
    name, partitions: partitions.length, replication: Math.min(...partitions.map(({ replicas }) => replicas.length)), config: configs.get(name) ?? {},
  }));
  return { brokers: brokers.length, topics, autoCreate: await autoCreate(admin, brokers[0]?.nodeId) };
}

async function topicConfigs(admin: Admin, names: string[]): Promise<Map<string, Record<string, string>>> {
  if (names.length === 0) return new Map();
  const { ConfigResourceTypes } = kafkajs();
  const answer = await allowed(admin.describeConfigs({ includeSynonyms: false, resources: names.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })) }));
  return new Map((answer?.resources ?? []).map(({ resourceName, configEntries }) => [resourceName, Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue]))]));
}

async function autoCreate(admin: Admin, broker: number | undefined): Promise<boolean | undefined> {
  if (broker === undefined) return undefined;
  const { ConfigResourceTypes } = kafkajs();
  const answer = await allowed(admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.BROKER, name: String(broker), configNames: ['auto.create.topics.enable'] }] }));
  const entry = answer?.resources[0]?.configEntries.find(({ configName }) => configName === 'auto.create.topics.enable');
  return entry && entry.configValue === 'true';
}

/** A user without the right to read settings starts all the same; nothing is said about them then. */
async function allowed<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (/AUTHORIZATION_FAILED$/.test(kafkaCode(error) ?? '')) return undefined;
    throw error;
  }
}
