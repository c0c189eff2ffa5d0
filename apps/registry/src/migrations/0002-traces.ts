import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The traces in which a version was registered and promoted: they differ where a person approved it. Empty for those of before. */
export class Registry0002Traces1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE model_version ADD COLUMN traceparent text NOT NULL DEFAULT ''`);
    await runner.query(`ALTER TABLE promotion ADD COLUMN traceparent text NOT NULL DEFAULT ''`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE promotion DROP COLUMN traceparent');
    await runner.query('ALTER TABLE model_version DROP COLUMN traceparent');
  }
}
