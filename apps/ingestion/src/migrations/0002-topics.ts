import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Sources may have a topic of their own, and what is wrong with a record of it is kept with where it stood. */
export class Ingestion0002Topics1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE source ADD COLUMN topic text COLLATE "C" UNIQUE');
    // Over HTTP the sender is told at once what is no event; nobody answers the writer of a topic.
    await runner.query(`
      ALTER TABLE quarantine
        DROP CONSTRAINT quarantine_code_check,
        ADD CONSTRAINT quarantine_code_check CHECK (code IN ('rejected', 'conflict', 'invalid', 'too_large', 'forbidden', 'not_found', 'internal')),
        ADD COLUMN topic text, ADD COLUMN partition integer, ADD COLUMN "offset" bigint, ADD COLUMN message_key bytea, ADD COLUMN headers jsonb,
        ADD CONSTRAINT quarantine_stood CHECK ((topic IS NULL) = (partition IS NULL) AND (topic IS NULL) = ("offset" IS NULL) AND (topic IS NULL) = (headers IS NULL))`);
  }

  // Migrations go forward only.
  async down(): Promise<void> {
    throw new Error('Migration Ingestion0002Topics cannot be taken back.');
  }
}
