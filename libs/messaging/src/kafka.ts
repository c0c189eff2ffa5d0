import { readFileSync } from 'node:fs';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type * as KafkaJs from 'kafkajs';
import type { KafkaAddress } from './kafka-url';
import type { Logger } from './logger';
import { quietenRequestQueue } from './request-queue';
import { within } from './within';

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
export const consumerClient: ClientSettings = { requestTimeout: 5_000, retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000 } };
/** With the library's own few retries a consumer gives up before a broker that restarts is back. */
export const consumerRetry: KafkaJs.RetryOptions = { retries: 1_000, initialRetryTime: 100, maxRetryTime: 1_000 };
export const adminClient: ClientSettings = { requestTimeout: 5_000, retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 500 } };

/** A producer, a consumer or an admin with connections of its own. */
export interface Owned<Kind extends { disconnect(): Promise<void> }> {
  client: Kind;
  /** Disconnects it, and ends its connections whatever the library makes of that. Never rejects. */
  close(): Promise<void>;
}

/**
 * Makes one out of a client of the library that nobody else uses. Nothing is connected yet. Errors: what reading the file of
 * `ca` throws.
 */
export function openClient<Kind extends { disconnect(): Promise<void> }>(
  address: KafkaAddress, name: string, logger: Logger, { requestTimeout, retry }: ClientSettings, make: (kafka: KafkaJs.Kafka) => Kind,
): Owned<Kind> {
  const { Kafka, logLevel } = kafkajs();
  const { brokers, user, password, sasl, tls, ca } = address;
  const sockets = new Sockets();
  const client = make(new Kafka({
    brokers,
    clientId: name,
    requestTimeout,
    retry,
    enforceRequestTimeout: true,
    connectionTimeout: 3_000,
    socketFactory: sockets.open,
    ...(sasl !== undefined && { sasl: { mechanism: sasl, username: user!, password: password! } as KafkaJs.SASLOptions }),
    ...(tls && { ssl: ca === undefined ? true : { ca: [readFileSync(ca, 'utf8')] } }),
    // The library calls every repeated attempt an error; what matters is said by those who use it.
    logLevel: logLevel.ERROR,
    logCreator: () => ({ log: { message, ...about }, namespace }) => {
      const { logger: _own, timestamp: _at, stack: _stack, ...rest } = about;
      logger.debug({ ...rest, namespace, client: name }, `kafkajs: ${message}`);
    },
  }));
  return {
    client,
    async close() {
      await within(2_000, client.disconnect().catch(() => undefined));
      sockets.close();
    },
  };
}

/** The library may forget a connection that it closes while a request is on its way: it would stay open for ever. */
class Sockets {
  private readonly opened = new Set<Socket>();
  private closed = false;

  readonly open: KafkaJs.ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.closed) throw new Error('this client is closed');
    const socket = ssl ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect) : connect({ host, port }, onConnect);
    socket.setKeepAlive(true, 60_000);
    this.opened.add(socket);
    socket.on('close', () => this.opened.delete(socket));
    return socket;
  };

  close(): void {
    this.closed = true;
    // With an error where the library has not let go of it, so that what still waits for an answer ends.
    for (const socket of this.opened) socket.destroy(socket.writableEnded ? undefined : new Error('this client is closed'));
  }
}
