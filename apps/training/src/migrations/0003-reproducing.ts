import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a run keeps to be compared, repeated and taken from the cache, the repetitions of runs, and labels that were taken back. */
export class Training0003Reproducing1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE run
        ADD COLUMN phase text NOT NULL DEFAULT '',
        ADD COLUMN no_cache boolean NOT NULL DEFAULT false,
        ADD COLUMN inputs_digest text NOT NULL DEFAULT '',
        ADD COLUMN cached_from text COLLATE "C" REFERENCES run (id),
        ADD COLUMN record jsonb`);
    await runner.query(`CREATE INDEX run_by_inputs ON run (plan, inputs_digest) WHERE state = 'succeeded'`);
    await runner.query(`
      CREATE TABLE reproduction (
        id text COLLATE "C" PRIMARY KEY,
        run text COLLATE "C" NOT NULL REFERENCES run (id),
        number integer NOT NULL,
        by text NOT NULL,
        request_id text,
        state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'same', 'different', 'failed')),
        differences jsonb NOT NULL DEFAULT '[]',
        failure text NOT NULL DEFAULT '',
        progress double precision NOT NULL DEFAULT 0,
        phase text NOT NULL DEFAULT '',
        deaths integer NOT NULL DEFAULT 0,
        seconds double precision NOT NULL DEFAULT 0,
        traceparent text NOT NULL DEFAULT '',
        lease_holder text NOT NULL DEFAULT '',
        lease_token bigint NOT NULL DEFAULT 0,
        lease_beat bigint NOT NULL DEFAULT 0,
        UNIQUE (run, number),
        UNIQUE (run, request_id)
      )`);
    await runner.query('ALTER TABLE known_label ADD COLUMN revision integer NOT NULL DEFAULT 0, ADD COLUMN withdrawn boolean NOT NULL DEFAULT false');
    await runner.query(`CREATE INDEX reproduction_running ON reproduction (id) WHERE state = 'running'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE known_label DROP COLUMN withdrawn, DROP COLUMN revision');
    await runner.query('DROP TABLE reproduction');
    await runner.query('DROP INDEX run_by_inputs');
    await runner.query('ALTER TABLE run DROP COLUMN record, DROP COLUMN cached_from, DROP COLUMN inputs_digest, DROP COLUMN no_cache, DROP COLUMN phase');
  }
}
