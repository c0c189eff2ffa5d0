import { readFileSync } from 'node:fs';
import type * as KafkaJs from 'kafkajs';
import type { KafkaAddress } from './kafka-url';
import type { Logger } from './logger';
import { quietenRequestQueue } from './request-queue';

export type { AclEntry, Admin, Consumer, ConsumerGroupJoinEvent, EachBatchPayload, KafkaConfig, KafkaMessage, Message, Producer } from 'kafkajs';

let loaded: typeof KafkaJs | undefined;

/** The client library, loaded at its first use: a process on another log does not pay for it. The only way to it. */
export function kafkajs(): typeof KafkaJs {
  if (!loaded) {
    loaded = require('kafkajs') as typeof KafkaJs;
    quietenRequestQueue(require('kafkajs/src/network/requestQueue'));
  }
  return loaded;
}

export interface ClientSettings {
  /** Milliseconds until a request counts as lost. */
  requestTimeout: number;
  retry: KafkaJs.RetryOptions;
}

/** What a producer needs so that a failed send is known soon, and sent again by us and not by the library. */
export const producerClient: ClientSettings = { requestTimeout: 800, retry: { retries: 2, initialRetryTime: 50, maxRetryTime: 200 } };
/** With the library's own few retries a consumer gives up before a broker that restarts is back. */
export const consumerClient: ClientSettings = { requestTimeout: 5_000, retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 1_000 } };
export const adminClient: ClientSettings = { requestTimeout: 5_000, retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 500 } };

/** A client with connections of its own. Nothing is connected yet. Errors: what reading the file of `ca` throws. */
export function openClient(address: KafkaAddress, name: string, logger: Logger, { requestTimeout, retry }: ClientSettings): KafkaJs.Kafka {
  const { Kafka, logLevel } = kafkajs();
  const { brokers, user, password, sasl, tls, ca } = address;
  return new Kafka({
    brokers,
    clientId: name,
    requestTimeout,
    retry,
    enforceRequestTimeout: true,
    connectionTimeout: 3_000,
    ...(sasl !== undefined && { sasl: { mechanism: sasl, username: user!, password: password! } as KafkaJs.SASLOptions }),
    ...(tls && { ssl: ca === undefined ? true : { ca: [readFileSync(ca, 'utf8')] } }),
    // The library calls every repeated attempt an error; what matters is said by those who use it.
    logLevel: logLevel.ERROR,
    logCreator: () => ({ log: { message, ...about }, namespace }) => {
      const { logger: _own, timestamp: _at, stack: _stack, ...rest } = about;
      logger.debug({ ...rest, namespace, client: name }, `kafkajs: ${message}`);
    },
  });
}
