import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Serving0001Deployments1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE known_model (name text PRIMARY KEY);
      CREATE TABLE feature_set (name text PRIMARY KEY, version bigint NOT NULL, spec jsonb NOT NULL);
      CREATE TABLE deployment (
        name text PRIMARY KEY,
        version bigint NOT NULL,
        model text NOT NULL,
        feature_set text NOT NULL,
        ledger text NOT NULL
      );
      -- What the registry decided last, for each model.
      CREATE TABLE champion (
        model text PRIMARY KEY,
        version integer NOT NULL,
        digest text NOT NULL,
        revision bigint NOT NULL,
        replaces integer NOT NULL,
        promoted_at bigint NOT NULL
      );
      -- What answers, for each deployment: one row per switch that all replicas made, or that could not be made.
      CREATE TABLE traffic (
        deployment text NOT NULL,
        model text NOT NULL,
        revision bigint NOT NULL,
        version integer NOT NULL,
        digest text NOT NULL,
        replaces integer NOT NULL,
        shifted_at bigint NOT NULL,
        failure text,
        PRIMARY KEY (deployment, model, revision)
      );
      -- The ledger: every answer with everything that made it.
      CREATE TABLE prediction (
        id text NOT NULL,
        version integer NOT NULL,
        role text NOT NULL,
        deployment text NOT NULL,
        model text NOT NULL,
        digest text NOT NULL,
        example text NOT NULL,
        example_time bigint NOT NULL,
        as_of bigint NOT NULL,
        inputs_digest text NOT NULL,
        request jsonb NOT NULL,
        features jsonb NOT NULL,
        outputs jsonb NOT NULL,
        PRIMARY KEY (id, version, role)
      );
      -- One id is answered once, whichever version was live when it came.
      CREATE UNIQUE INDEX prediction_answered_once ON prediction (id) WHERE role IN ('live', 'named');
      CREATE INDEX prediction_by_deployment ON prediction (deployment, as_of);
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
