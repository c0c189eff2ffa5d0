import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A page of runs is read from its index, however many there are. */
export class Training0004Listing1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX run_newest ON run (as_of, number, id)');
    await runner.query('CREATE INDEX run_newest_of_model ON run (model, as_of, number, id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX run_newest_of_model, run_newest');
  }
}
