import { events, ingestion } from '@rhei/contracts';
import { append, openEventLog, outstandingOf, progressOf, Relay, SharedConsumer, type CrashPoint, type Delivered, type Logger, type Queryable, type Transactor } from '../src';
import { Pool } from 'pg';

/** What the spec tells its child, as JSON in the variable CHILD. */
export interface ChildOrders {
  database: string;
  sayer: string;
  hearer: string;
  /** How many events it says, and the milliseconds between two; 3 unless given. */
  events: number;
  pause?: number;
  /** Sends itself the signal when it comes to the point for the n-th time. */
  at?: { point: CrashPoint; hit: number; signal: 'SIGKILL' | 'SIGSTOP' };
}

const orders = JSON.parse(process.env['CHILD']!) as ChildOrders;
const keys = ['source-a', 'source-b', 'source-c', 0, 1];

const logger: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (about, message) => console.error(message, JSON.stringify(about)) };

const pool = new Pool({ connectionString: orders.database, options: '-c idle_in_transaction_session_timeout=5000' });
pool.on('error', () => undefined);
const database: Transactor & Queryable = {
  query: async (sql, parameters) => (await pool.query(sql, parameters)).rows,
  async transaction(work) {
    const client = await pool.connect();
    const lost = { error: undefined as Error | undefined };
    const lose = (error: Error) => (lost.error = error);
    client.on('error', lose);
    try {
      await client.query('BEGIN');
      const result = await work({ query: async (sql, parameters) => (await client.query(sql, parameters)).rows });
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((cause: Error) => (lost.error = cause));
      throw error;
    } finally {
      client.off('error', lose);
      client.release(lost.error);
    }
  },
};

let hits = 0;
const crashAt = (point: CrashPoint): void => {
  if (point === orders.at?.point && (hits += 1) === orders.at.hit) process.kill(process.pid, orders.at.signal);
};

/** One event more of a key: the row of the key is locked, so the order of numbers is the order of commits. */
const say = (key: string | number): Promise<void> =>
  database.transaction(async (tx) => {
    const [{ seq }] = await tx.query<{ seq: number }>('UPDATE key SET seq = seq + 1 WHERE key = $1 RETURNING seq', [String(key)]);
    await append(tx, typeof key === 'number'
      ? { eventName: 'RecordAccepted', key, time: 0, payload: ingestion.RecordAccepted.encode(ingestion.RecordAccepted.fromPartial({ shard: key, watermark: seq })).finish() }
      : { eventName: 'SourceApplied', key, time: 0, payload: ingestion.SourceApplied.encode(ingestion.SourceApplied.fromPartial({ name: key, version: seq })).finish() });
  });

const hear = async (event: Delivered<'RecordAccepted'> | Delivered<'SourceApplied'>, tx: Queryable): Promise<void> => {
  const seq = event.name === 'RecordAccepted' ? event.payload.watermark : event.payload.version;
  await tx.query('INSERT INTO effect (key, seq, process) VALUES ($1, $2, $3)', [event.key, Number(seq), process.pid]);
};

/** Connections of a process that was stopped are gone, and a broker may be away for a while; whoever asks again gets a new one. */
async function repeat<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function main(): Promise<void> {
  const onFatal = (reason: string) => {
    console.error(reason);
    process.exit(3);
  };
  const [sayer, hearer] = [openEventLog({ url: orders.sayer, service: 'ingestion', logger, onFatal }), openEventLog({ url: orders.hearer, service: 'feature', logger, onFatal })];
  const relay = new Relay({ service: 'ingestion', database: orders.database, log: sayer, logger, crashAt });
  const consumer = new SharedConsumer({
    service: 'feature', group: 'feature', log: hearer, database, logger, crashAt,
    handlers: new Map([[events.RecordAccepted.type, hear], [events.SourceApplied.type, hear]]),
  });
  await relay.start();
  await consumer.start();
  for (let i = 0; i < orders.events; i++) {
    await repeat(() => say(keys[i % keys.length]));
    relay.wake();
    await new Promise((resolve) => setTimeout(resolve, orders.pause ?? 3));
  }
  for (let quiet = 0; quiet < 2; ) {
    const progress = await repeat(() => progressOf(database, hearer, 'feature', [events.RecordAccepted.topic, events.SourceApplied.topic]));
    quiet = (await repeat(() => outstandingOf(database))).unsent === 0 && progress.every(({ position, head }) => position === head) ? quiet + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await consumer.stop();
  await relay.stop();
  await Promise.all([sayer.close(), hearer.close(), pool.end()]);
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
