import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Versions that were rolled back or deprecated, why the alias moved, whether promotions helped, and where versions answer. */
export class Registry0003Rollbacks1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE model_version DROP CONSTRAINT model_version_state_check`);
    await runner.query(`ALTER TABLE model_version
      ADD CONSTRAINT model_version_state_check CHECK (state IN ('registered', 'gates_unmet', 'awaiting_approval', 'rejected', 'champion', 'retired', 'rolled_back', 'deprecated')),
      ADD COLUMN brought jsonb NOT NULL DEFAULT '{"at":0,"by":"","from":"","reason":""}',
      ADD COLUMN as_of bigint NOT NULL DEFAULT 0,
      ADD COLUMN profile jsonb NOT NULL DEFAULT 'null'`);
    await runner.query(`ALTER TABLE promotion ADD COLUMN kind text NOT NULL DEFAULT 'promotion' CHECK (kind IN ('promotion', 'rollback')), ADD COLUMN reason text NOT NULL DEFAULT ''`);
    await runner.query(`
      CREATE TABLE help_judgement (
        model text NOT NULL,
        version integer NOT NULL,
        monitor text NOT NULL,
        judged_at bigint NOT NULL,
        deployment text NOT NULL,
        replaced integer NOT NULL,
        verdict text NOT NULL,
        difference double precision NOT NULL,
        low double precision NOT NULL,
        high double precision NOT NULL,
        rows bigint NOT NULL,
        PRIMARY KEY (model, version, monitor, judged_at),
        FOREIGN KEY (model, version) REFERENCES model_version (model, version)
      )`);
    await runner.query(`
      CREATE TABLE deployment_traffic (
        deployment text PRIMARY KEY,
        model text NOT NULL,
        revision bigint NOT NULL,
        live integer NOT NULL,
        live_since bigint NOT NULL,
        stage text NOT NULL,
        candidate integer NOT NULL,
        candidate_since bigint NOT NULL,
        share double precision NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE deployment_traffic, help_judgement');
    await runner.query('ALTER TABLE promotion DROP COLUMN reason, DROP COLUMN kind');
    await runner.query('ALTER TABLE model_version DROP COLUMN profile, DROP COLUMN as_of, DROP COLUMN brought');
    await runner.query('ALTER TABLE model_version DROP CONSTRAINT model_version_state_check');
    await runner.query(`ALTER TABLE model_version ADD CONSTRAINT model_version_state_check
      CHECK (state IN ('registered', 'gates_unmet', 'awaiting_approval', 'rejected', 'champion', 'retired'))`);
  }
}
