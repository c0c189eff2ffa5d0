import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Records may be revisions of one fact, or have been mended; what is kept in quarantine says what became of it. */
export class Ingestion0003Facts1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE record
        ADD COLUMN identity text COLLATE "C" NOT NULL DEFAULT '',
        ADD COLUMN withdrawn boolean NOT NULL DEFAULT false,
        ADD COLUMN mended_by text NOT NULL DEFAULT ''`);
    await runner.query(`CREATE INDEX record_by_fact ON record (source, type, identity, revision) WHERE identity <> ''`);
    await runner.query(`CREATE INDEX record_mended ON record (mended_by) WHERE mended_by <> ''`);
    // An event that came in binary mode has attributes beside its bytes, by HTTP too.
    await runner.query(`
      ALTER TABLE quarantine
        DROP CONSTRAINT quarantine_stood,
        ADD CONSTRAINT quarantine_stood CHECK ((topic IS NULL) = (partition IS NULL) AND (topic IS NULL) = ("offset" IS NULL)),
        ADD COLUMN state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'mended')),
        ADD COLUMN mended_by text, ADD COLUMN mended_at bigint, ADD COLUMN reason text, ADD COLUMN outcome text, ADD COLUMN mended_digest text,
        ADD CONSTRAINT quarantine_mended CHECK ((state = 'mended') = (mended_by IS NOT NULL AND mended_at IS NOT NULL AND reason IS NOT NULL AND outcome IS NOT NULL AND mended_digest IS NOT NULL))`);
    await runner.query(`CREATE INDEX quarantine_open ON quarantine (sequence) WHERE state = 'open'`);
  }

  // What it would lose cannot be told again: which revision of which fact a record states, and what left the quarantine how.
  // And what came in binary mode by HTTP is kept with headers, which the constraint before it forbids without a topic.
  async down(): Promise<void> {
    throw new Error('Migration Ingestion0003Facts only goes forward: restore the backup that was made before.');
  }
}
