import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Serving0002Replicas1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- What each replica answers with, for each deployment. Its rows go when the replica is forgotten.
      CREATE TABLE applied (
        replica text NOT NULL REFERENCES replica (id) ON DELETE CASCADE,
        deployment text NOT NULL,
        model text NOT NULL,
        revision bigint NOT NULL,
        PRIMARY KEY (replica, deployment)
      );
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
