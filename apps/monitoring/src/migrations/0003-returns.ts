import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Monitoring0003Returns1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // The version to which traffic shall go back from this one: it comes to answer, and nobody promoted it.
    await runner.query('ALTER TABLE live_interval ADD COLUMN returns_to integer');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE live_interval DROP COLUMN returns_to');
  }
}
