import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The trace of what asked first for a training set, in which it is built; empty for those of before. */
export class Feature0002Traces1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE training_set ADD COLUMN traceparent text NOT NULL DEFAULT ''`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE training_set DROP COLUMN traceparent');
  }
}
