import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tables that messaging keeps in each service's database; runs before the service's own migrations. */
export class Messaging0001Tables1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Events to be sent. Times here are system time, µs.
      CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        shard smallint NOT NULL, topic text NOT NULL, partition int NOT NULL, key text NOT NULL,
        headers jsonb NOT NULL, payload bytea NOT NULL, created_at bigint NOT NULL, sent_at bigint
      ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
      CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;

      -- Events that were taken: applied, parked or dead. One row for each subscription and event, so a copy has no effect.
      CREATE TABLE inbox (
        consumer text, event_id text, taken_at bigint NOT NULL,
        PRIMARY KEY (consumer, event_id)
      );
      CREATE INDEX inbox_taken ON inbox USING brin (taken_at);

      -- The next offset of each partition; moves in the transaction of the effect, which fences a stale owner.
      CREATE TABLE position (
        consumer text, topic text, partition int, next bigint NOT NULL,
        PRIMARY KEY (consumer, topic, partition)
      ) WITH (fillfactor = 10);

      -- Events that could not be applied, as they came. One that parks holds back the later events of its key.
      CREATE TABLE dead_letter (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        consumer text NOT NULL, event_id text NOT NULL, event_type text NOT NULL,
        topic text NOT NULL, partition int NOT NULL, "offset" bigint NOT NULL, key text NOT NULL,
        headers jsonb NOT NULL, payload bytea NOT NULL,
        class text NOT NULL, reason text NOT NULL, attempts int NOT NULL, first_failure bigint NOT NULL, dead_at bigint NOT NULL,
        parks boolean NOT NULL,
        UNIQUE (consumer, event_id)
      );
      CREATE INDEX dead_letter_parks ON dead_letter (consumer, topic, key) WHERE parks;

      -- Events that wait behind a dead letter of their key, in the order of their ids.
      CREATE TABLE parked (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        consumer text NOT NULL, event_id text NOT NULL, event_type text NOT NULL,
        topic text NOT NULL, partition int NOT NULL, "offset" bigint NOT NULL, key text NOT NULL,
        headers jsonb NOT NULL, payload bytea NOT NULL, parked_at bigint NOT NULL
      );
      CREATE INDEX parked_key ON parked (consumer, topic, key, id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE outbox, inbox, position, dead_letter, parked');
  }
}

/** The event that each partition was at when it was last begun or repeated: how often, if the process died each time. */
export class Messaging0002LastAttempt1700000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE last_attempt (
        consumer text, topic text, partition int, "offset" bigint NOT NULL, count int NOT NULL, first_at bigint NOT NULL,
        PRIMARY KEY (consumer, topic, partition)
      );
      -- For who repeats or drops: the letters of a key in their order.
      CREATE INDEX dead_letter_key ON dead_letter (consumer, topic, key, "offset");
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE last_attempt; DROP INDEX dead_letter_key');
  }
}

export const messagingMigrations: (new () => MigrationInterface)[] = [Messaging0001Tables1700000000000, Messaging0002LastAttempt1700000000010];
