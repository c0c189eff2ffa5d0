import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Registry0001Models1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE model (
        name text PRIMARY KEY,
        spec jsonb NOT NULL,
        spec_version bigint NOT NULL,
        champion integer NOT NULL DEFAULT 0,
        revision bigint NOT NULL DEFAULT 0
      )`);
    await runner.query(`
      CREATE TABLE model_version (
        model text NOT NULL REFERENCES model (name),
        version integer NOT NULL,
        digest text NOT NULL,
        run text NOT NULL,
        author text NOT NULL,
        state text NOT NULL CHECK (state IN ('registered', 'gates_unmet', 'awaiting_approval', 'rejected', 'champion', 'retired')),
        gates jsonb NOT NULL,
        compared_with text NOT NULL,
        approved_by text NOT NULL,
        rejected_by text NOT NULL,
        reason text NOT NULL,
        registered_at bigint NOT NULL,
        promoted_at bigint NOT NULL,
        feature_set text NOT NULL,
        feature_set_version bigint NOT NULL,
        fit_until bigint NOT NULL,
        cause jsonb NOT NULL,
        report jsonb NOT NULL,
        signature jsonb NOT NULL,
        example jsonb NOT NULL,
        card jsonb NOT NULL,
        parameters jsonb NOT NULL,
        training_set_digest text NOT NULL,
        code_digest text NOT NULL,
        PRIMARY KEY (model, version),
        UNIQUE (model, run)
      )`);
    // One champion at every instant, whatever the code above it does.
    await runner.query(`CREATE UNIQUE INDEX model_version_one_champion ON model_version (model) WHERE state = 'champion'`);
    await runner.query(`
      CREATE TABLE promotion (
        model text NOT NULL,
        revision bigint NOT NULL,
        version integer NOT NULL,
        replaces integer NOT NULL,
        promoted_by text NOT NULL,
        promoted_at bigint NOT NULL,
        PRIMARY KEY (model, revision),
        FOREIGN KEY (model, version) REFERENCES model_version (model, version)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE promotion, model_version, model');
  }
}
