import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The trace in which a prediction was answered; empty for those of before. */
export class Serving0003Traces1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE prediction ADD COLUMN traceparent text NOT NULL DEFAULT ''`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
