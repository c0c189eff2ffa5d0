import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Monitoring0002RestatedTruth1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE label ADD COLUMN withdrawn boolean NOT NULL DEFAULT false');
    // Few are withdrawn, and whoever counts new labels asks for them.
    await runner.query('CREATE INDEX label_withdrawn ON label (feature_set, example) WHERE withdrawn');
    // A shadow may fail, and a fallback answer need not be a probability.
    await runner.query('ALTER TABLE prediction ALTER COLUMN probability DROP NOT NULL');
    await runner.query(`ALTER TABLE prediction ADD COLUMN missing jsonb NOT NULL DEFAULT '[]'`);
    await runner.query(`ALTER TABLE feature_set ADD COLUMN features jsonb NOT NULL DEFAULT '[]'`);
    await runner.query('ALTER TABLE closed_window ADD COLUMN labelled bigint');
    await runner.query('UPDATE closed_window SET labelled = round(coverage * row_count)');
    await runner.query('ALTER TABLE closed_window ALTER COLUMN labelled SET NOT NULL');
    await runner.query(`
      CREATE TABLE promotion (
        monitor text NOT NULL REFERENCES monitor (name),
        revision bigint NOT NULL,
        model text NOT NULL,
        version integer NOT NULL,
        replaced integer NOT NULL,
        digest text NOT NULL,
        live_from bigint NOT NULL,
        due bigint NOT NULL,
        judged_at bigint,
        verdict text CHECK (verdict IN ('helped', 'hurt', 'unclear')),
        reason text,
        difference double precision,
        low double precision,
        high double precision,
        row_count bigint,
        day_count bigint,
        rollback_id text,
        PRIMARY KEY (monitor, revision)
      )`);
    await runner.query('CREATE INDEX promotion_by_due ON promotion (monitor, due) WHERE judged_at IS NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE promotion');
    await runner.query('ALTER TABLE closed_window DROP COLUMN labelled');
    await runner.query('ALTER TABLE feature_set DROP COLUMN features');
    await runner.query('ALTER TABLE prediction DROP COLUMN missing');
    await runner.query('DELETE FROM prediction WHERE probability IS NULL');
    await runner.query('ALTER TABLE prediction ALTER COLUMN probability SET NOT NULL');
    await runner.query('ALTER TABLE label DROP COLUMN withdrawn');
  }
}
