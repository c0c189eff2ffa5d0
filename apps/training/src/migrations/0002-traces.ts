import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The trace of what started a run, in which its work goes on; empty for those of before. */
export class Training0002Traces1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE run ADD COLUMN traceparent text NOT NULL DEFAULT ''`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE run DROP COLUMN traceparent');
  }
}
