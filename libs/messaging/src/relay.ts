import { type ServiceName, type TopicName } from '@rhei/contracts';
import type { ClientConfig } from 'pg';
import type { CrashAt } from './crash-point';
import type { EventLog } from './event-log';
import { reasonOf } from './failure';
import type { Logger } from './logger';
import { outboxShards } from './outbox';
import { backOff, Pause } from './pause';
import { Session } from './session';

export interface RelayOptions {
  service: ServiceName;
  /** The service's own database. The relay opens one session of its own there (not through a transaction-mode pooler). */
  database: string | ClientConfig;
  log: EventLog;
  logger: Logger;
  /** Shards of the outbox that this relay may own; all unless given. */
  shards?: number[];
  /** Milliseconds between looks at the outbox when nobody wakes the relay. Default 200. */
  poll?: number;
  /** Milliseconds for which sent rows are kept. Default 7 days. */
  keepSent?: number;
  /** Milliseconds for which the inbox remembers an event. Default 30 days: longer than any copy of it may travel. */
  keepTaken?: number;
  crashAt?: CrashAt;
}

const mostRows = 500;
const mostBytes = 4 * 1024 * 1024;
const readSql = `
SELECT id, topic, partition, key, headers, payload FROM (
  SELECT *, sum(length(payload)) OVER (ORDER BY id) - length(payload) AS before FROM outbox
  WHERE sent_at IS NULL AND shard = ANY($1::smallint[]) AND NOT (topic || '/' || partition = ANY($2::text[]))
  ORDER BY id LIMIT ${mostRows}
) AS next WHERE before < ${mostBytes} ORDER BY id`;
// What is on its way is named one by one. A bound by the last id would pass over a row that was written before it and
// committed after it, and a later event of the same key would overtake that row.
const readAheadSql = `
WITH first AS MATERIALIZED (
  SELECT id, topic, partition, key, headers, payload FROM outbox
  WHERE sent_at IS NULL AND shard = ANY($1::smallint[]) AND NOT (topic || '/' || partition = ANY($2::text[]))
  ORDER BY id LIMIT ${mostRows} + cardinality($3::bigint[])
)
SELECT id, topic, partition, key, headers, payload FROM (
  SELECT first.*, sum(length(payload)) OVER (ORDER BY id) - length(payload) AS before
  FROM first LEFT JOIN unnest($3::bigint[]) AS flying (flying) ON flying = id WHERE flying IS NULL
  ORDER BY id LIMIT ${mostRows}
) AS next WHERE before < ${mostBytes} ORDER BY id`;
const takeSql = `
SELECT shard FROM unnest($1::int[]) AS shard WHERE pg_try_advisory_lock(hashtextextended('rhei.outbox.shard ' || shard, 0))`;
const markSql = 'UPDATE outbox SET sent_at = $2 WHERE id = ANY($1::bigint[])';
// Rows grow old in the order of their ids: a bounded look at the first ones finds what there is.
const purgeSentSql = `
DELETE FROM outbox USING (SELECT id FROM outbox ORDER BY id LIMIT 5000) AS first
WHERE outbox.id = first.id AND sent_at < $1 RETURNING outbox.id`;
const purgeTakenSql = 'DELETE FROM inbox WHERE ctid = ANY(ARRAY(SELECT ctid FROM inbox WHERE taken_at < $1 LIMIT 5000)) RETURNING consumer';
const takeEvery = 1000;
const purgeEvery = 3_600_000;

interface Row {
  id: number;
  topic: TopicName;
  partition: number;
  key: string;
  headers: Record<string, string>;
  payload: Buffer;
}

/** What goes to one partition in one call. After a failure the identical batch goes first. */
interface Parcel {
  topic: TopicName;
  partition: number;
  rows: Row[];
  failures: number;
  notBefore: number;
}

/**
 * Carries the outbox of one service to the log: at least once, in order per partition. Several may run; each shard has one
 * owner, whoever holds its advisory lock. Rows are read and marked on the very session that holds the locks, so a mark
 * that succeeds proves that the shard was still ours after the send. While there is more than one look takes, the next rows
 * are read, and the last ones marked, beside the sends.
 */
export class Relay {
  private session: Session | undefined;
  private owned: number[] = [];
  /** Parcels whose send failed, by `topic/partition`. */
  private readonly stuck = new Map<string, Parcel>();
  /** Rows that were read while those before them were on their way, when there was more than one look could take. */
  private ahead: Promise<Row[]> | undefined;
  /** The mark that is on its way while the next rows are sent. */
  private marking: Promise<void> = Promise.resolve();
  private readonly pause = new Pause();
  private stopping = false;
  private running: Promise<void> | undefined;
  private nextTake = 0;
  private nextPurge = 0;

  constructor(private readonly options: RelayOptions) {}

  /** Starts to take shards and to send. Rejects when the first connection fails; later losses are repaired. */
  async start(): Promise<void> {
    await this.connect();
    this.running = this.run();
  }

  /** Something was committed: look now. */
  wake(): void {
    this.pause.wake();
  }

  /** Rows that are not marked as sent, over all shards. */
  async unsent(): Promise<number> {
    if (!this.session) throw new Error('the relay is not started');
    const [{ count }] = await this.session.query<{ count: number }>('unsent', 'SELECT count(*) AS count FROM outbox WHERE sent_at IS NULL');
    return count;
  }

  /** Finishes the batch in hand, gives the shards back. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.pause.wake();
    await this.running;
    await this.marking.catch(() => undefined);
    await this.session?.close();
  }

  private get about() {
    return { service: this.options.service };
  }

  private async connect(): Promise<void> {
    const { database, logger, service } = this.options;
    this.owned = [];
    this.stuck.clear();
    this.ahead = undefined;
    this.marking = Promise.resolve();
    // A mark that is lost in a crash of the server is a copy in the log; the inbox knows it.
    const session = await Session.open(database, { name: `rhei relay ${service}`, logger, synchronousCommit: false });
    session.onLost(() => this.pause.wake());
    this.session = session;
    // The rows of a look stand in the index in their order. A planner that knows nothing of a backlog yet reads and sorts
    // all of it instead, at every look, and compares what is on its way one by one.
    await session.query('by index', `SELECT set_config('enable_sort', 'off', false), set_config('enable_nestloop', 'off', false)`);
    await this.takeFree(session);
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.stopping) {
      try {
        if (!this.session?.alive) {
          await this.connect();
          this.options.logger.info(this.about, 'relay is connected to its database again');
        }
        const more = await this.round(this.session!);
        failures = 0;
        if (!more && !this.stopping) await this.pause.wait(this.options.poll ?? 200);
      } catch (error) {
        failures++;
        if (failures % 20 === 1) this.options.logger.warn({ ...this.about, reason: reasonOf(error) }, 'relay failed; trying again');
        if (!this.stopping) await this.pause.wait(backOff(failures, 50, 2000));
      }
    }
  }

  private async takeFree(session: Session): Promise<void> {
    const wanted = (this.options.shards ?? Array.from({ length: outboxShards }, (_, shard) => shard)).filter((shard) => !this.owned.includes(shard));
    this.nextTake = performance.now() + takeEvery;
    if (wanted.length === 0) return;
    const taken = await session.query<{ shard: number }>('take', takeSql, [wanted]);
    if (taken.length > 0) this.owned = [...this.owned, ...taken.map(({ shard }) => shard)];
  }

  /** One look at the outbox. True when there may be more at once. */
  private async round(session: Session): Promise<boolean> {
    const now = performance.now();
    if (now >= this.nextTake) await this.takeFree(session);
    if (now >= this.nextPurge) await this.purge(session);
    if (this.owned.length === 0) return false;
    const read = await (this.ahead ?? session.query<Row>('unsent rows', readSql, [this.owned, [...this.stuck.keys()]]));
    this.ahead = undefined;
    // A lane may have become stuck since these were read: its parcel goes first.
    const rows = read.filter((row) => !this.stuck.has(laneOf(row)));
    const again = [...this.stuck.values()].filter(({ notBefore }) => notBefore <= now);
    const parcels = again.concat(parcelsOf(rows));
    if (parcels.length === 0) return false;
    await this.options.crashAt?.('relay.before-send');
    if (!session.alive) throw new Error('the session is lost');
    const sending = Promise.all(parcels.map((parcel) => this.send(parcel)));
    // What is committed from now on wakes us. What the limits or a stuck parcel kept out of this look is there already.
    const full = read.length === mostRows || read.reduce((sum, { payload }) => sum + payload.length, 0) >= mostBytes;
    if (full) {
      this.ahead = session.query<Row>('rows ahead', readAheadSql, [this.owned, [...this.stuck.keys()], rows.map(({ id }) => id)]);
      this.ahead.catch(() => undefined);
    }
    const sent = (await sending).flat();
    await this.options.crashAt?.('relay.after-send-before-mark');
    await this.marking;
    this.marking = this.mark(session, sent);
    this.marking.catch(() => undefined);
    if (!full) await this.marking;
    return sent.length > 0 && (full || again.length > 0);
  }

  private async mark(session: Session, sent: number[]): Promise<void> {
    if (sent.length > 0) await session.query('mark', markSql, [sent, Date.now() * 1000]);
    await this.options.crashAt?.('relay.after-mark');
  }

  /** The ids of the rows that are in the log now; none when the send failed. */
  private async send(parcel: Parcel): Promise<number[]> {
    const { topic, partition, rows } = parcel;
    const lane = laneOf(parcel);
    try {
      await this.options.log.append(topic, partition, rows.map(({ key, headers, payload }) => ({ key, headers, value: payload })));
      this.stuck.delete(lane);
      return rows.map(({ id }) => id);
    } catch (error) {
      parcel.failures++;
      parcel.notBefore = performance.now() + backOff(parcel.failures, 50, 5000);
      this.stuck.set(lane, parcel);
      if (parcel.failures % 10 === 1) {
        this.options.logger.error({ ...this.about, topic, partition, events: rows.length, failures: parcel.failures, reason: reasonOf(error) },
          'events could not be sent; the same ones go first');
      }
      return [];
    }
  }

  private async purge(session: Session): Promise<void> {
    const { keepSent = 7 * 86_400_000, keepTaken = 30 * 86_400_000 } = this.options;
    // One replica is enough: whoever holds the first shard.
    const purged = this.owned.includes(0)
      ? [
          ...(await session.query('purge sent', purgeSentSql, [(Date.now() - keepSent) * 1000])),
          ...(await session.query('purge taken', purgeTakenSql, [(Date.now() - keepTaken) * 1000])),
        ].length
      : 0;
    this.nextPurge = performance.now() + (purged > 0 ? 1000 : purgeEvery);
  }
}

const laneOf = ({ topic, partition }: { topic: string; partition: number }): string => `${topic}/${partition}`;

function parcelsOf(rows: Row[]): Parcel[] {
  const parcels = new Map<string, Parcel>();
  for (const row of rows) {
    const lane = laneOf(row);
    const parcel = parcels.get(lane) ?? { topic: row.topic, partition: row.partition, rows: [], failures: 0, notBefore: 0 };
    parcel.rows.push(row);
    parcels.set(lane, parcel);
  }
  return [...parcels.values()];
}
