import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The ledger is counted as it is written and listed by an index, so that neither reads all of it. */
export class Serving0005LedgerCounts1700000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE prediction ADD COLUMN feature_set_version bigint NOT NULL DEFAULT 0;

      -- One row per slot, which is chosen by connection: two commits at once seldom wait for each other.
      CREATE TABLE ledger_count (
        deployment text NOT NULL,
        role text NOT NULL,
        slot integer NOT NULL,
        count bigint NOT NULL,
        PRIMARY KEY (deployment, role, slot)
      );
      INSERT INTO ledger_count SELECT deployment, role, 0, count(*) FROM prediction GROUP BY deployment, role;

      DROP INDEX prediction_by_deployment;
      CREATE INDEX prediction_listed ON prediction (deployment, role, as_of, id COLLATE "C");
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
