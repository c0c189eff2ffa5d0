import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The example's time that was told with its label: a correction of it is told again. Null: told before it was noted. */
export class Feature0004ToldExampleTime1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE example ADD COLUMN told_example_time bigint');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE example DROP COLUMN told_example_time');
  }
}
