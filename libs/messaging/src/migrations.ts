import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tables that messaging keeps in each service's database; runs before the service's own migrations. */
export class Messaging0001Tables1700000000000 implements MigrationInterface {
  async up(_runner: QueryRunner): Promise<void> {
    throw new Error('not built yet');
  }
  async down(_runner: QueryRunner): Promise<void> {}
}

export const messagingMigrations: (new () => MigrationInterface)[] = [Messaging0001Tables1700000000000];
