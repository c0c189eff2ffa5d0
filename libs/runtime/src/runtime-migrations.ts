import type { MigrationInterface, QueryRunner } from 'typeorm';
import { CLOCK_LOCK } from './advisory-locks';

/** The tables that the runtime keeps in each service's database; they come after messaging's and before the service's own. */
export class Runtime0001Tables1700000000100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Text that is ordered by is compared byte by byte: the order of timers must not depend on a database's collation.
    await runner.query(`
      CREATE TABLE clock (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        kind text NOT NULL CHECK (kind IN ('system', 'replay')),
        "time" bigint,
        CHECK ((kind = 'replay') = ("time" IS NOT NULL))
      );
      CREATE TABLE replica (
        id text PRIMARY KEY,
        host text NOT NULL,
        pid integer NOT NULL,
        started bigint NOT NULL,
        lease_until bigint NOT NULL,
        acknowledged bigint NOT NULL,
        ready boolean NOT NULL,
        progress jsonb NOT NULL
      );
      CREATE TABLE timer (
        kind text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        due bigint NOT NULL,
        PRIMARY KEY (kind, key)
      );
      CREATE INDEX timer_due ON timer (due, kind, key);
      CREATE TABLE decision (
        sequence bigint PRIMARY KEY,
        as_of bigint NOT NULL,
        written_at bigint NOT NULL,
        subject text COLLATE "C" NOT NULL,
        action text NOT NULL,
        "by" text NOT NULL,
        inputs text NOT NULL,
        inputs_digest text NOT NULL,
        outcome text NOT NULL,
        previous_hash text NOT NULL,
        hash text NOT NULL
      );
      CREATE INDEX decision_subject ON decision (subject, sequence);
      CREATE TABLE decision_head (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        sequence bigint NOT NULL,
        hash text NOT NULL
      );
      INSERT INTO decision_head (sequence, hash) VALUES (0, repeat('0', 64));
      CREATE TABLE resource (
        kind text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        spec text NOT NULL,
        digest text NOT NULL,
        applied_at bigint NOT NULL,
        applied_by text NOT NULL,
        PRIMARY KEY (kind, name, version)
      );`);
    // One round trip per move. The lock waits for every transaction that has read the clock; while it waits, new ones wait
    // behind it, so it gives up after a second and lets them through: one of them may be what an older one waits for.
    await runner.query(`
      CREATE FUNCTION set_clock(instant bigint, replica_id text, system_time bigint)
      RETURNS TABLE (shown bigint, waiting bigint) LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM set_config('lock_timeout', '1000', true);
        PERFORM pg_advisory_xact_lock(${CLOCK_LOCK}, 0);
        UPDATE clock SET "time" = instant WHERE kind = 'replay' AND "time" < instant;
        UPDATE replica SET acknowledged = instant WHERE id = replica_id AND acknowledged < instant;
        RETURN QUERY SELECT c."time", (SELECT count(*) FROM replica r WHERE r.lease_until > system_time AND r.acknowledged < instant)
          FROM clock c WHERE c.kind = 'replay';
      END $$;`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward: restore the backup that was made before.');
  }
}

/** The replicas that count, for services that decide by what all of them have done. */
export class Runtime0002LiveReplicas1700000000101 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // By the database's own clock, as the leases are written.
    await runner.query(`
      CREATE VIEW live_replica AS
      SELECT id, ready FROM replica WHERE lease_until > (extract(epoch FROM statement_timestamp()) * 1000000)::bigint`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward: restore the backup that was made before.');
  }
}

export const runtimeMigrations: (new () => MigrationInterface)[] = [Runtime0001Tables1700000000100, Runtime0002LiveReplicas1700000000101];
