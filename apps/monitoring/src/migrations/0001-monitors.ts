import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Monitoring0001Monitors1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // What other services own and monitoring keeps a copy of.
    await runner.query(`CREATE TABLE deployment (name text PRIMARY KEY, model text, feature_set text)`);
    await runner.query(`CREATE TABLE feature_set (name text PRIMARY KEY, maturity bigint, request jsonb)`);
    await runner.query(`CREATE TABLE plan (name text PRIMARY KEY, model text NOT NULL)`);
    await runner.query(`
      CREATE TABLE model_version (
        model text NOT NULL,
        version integer NOT NULL,
        as_of bigint NOT NULL,
        profile jsonb,
        PRIMARY KEY (model, version)
      )`);
    await runner.query(`
      CREATE TABLE live_interval (
        deployment text NOT NULL,
        revision bigint NOT NULL,
        model text NOT NULL,
        version integer NOT NULL,
        digest text NOT NULL,
        live_from bigint NOT NULL,
        PRIMARY KEY (deployment, revision)
      )`);
    await runner.query(`
      CREATE TABLE prediction (
        id text NOT NULL,
        version integer NOT NULL,
        role text NOT NULL,
        deployment text NOT NULL,
        model text NOT NULL,
        feature_set text NOT NULL,
        example text NOT NULL,
        as_of bigint NOT NULL,
        happens_at bigint NOT NULL,
        request jsonb NOT NULL,
        probability double precision NOT NULL,
        PRIMARY KEY (id, version, role)
      )`);
    await runner.query(`CREATE INDEX prediction_by_time ON prediction (deployment, happens_at)`);
    await runner.query(`
      CREATE TABLE label (
        feature_set text NOT NULL,
        example text NOT NULL,
        revision integer NOT NULL,
        value double precision NOT NULL,
        mature_from bigint NOT NULL,
        PRIMARY KEY (feature_set, example, revision)
      )`);
    await runner.query(`CREATE INDEX label_by_maturity ON label (feature_set, mature_from) WHERE revision = 1`);
    await runner.query(`
      CREATE TABLE monitor (
        name text PRIMARY KEY,
        deployment text NOT NULL,
        spec jsonb NOT NULL,
        watched_from bigint NOT NULL,
        next_from bigint
      )`);
    await runner.query(`CREATE INDEX monitor_by_deployment ON monitor (deployment)`);
    await runner.query(`
      CREATE TABLE closed_window (
        monitor text NOT NULL REFERENCES monitor (name),
        starts_at bigint NOT NULL,
        ends_at bigint NOT NULL,
        decided_at bigint NOT NULL,
        model text NOT NULL,
        reference_version integer NOT NULL,
        tests jsonb NOT NULL,
        untested jsonb NOT NULL,
        alarm boolean NOT NULL,
        retraining text NOT NULL CHECK (retraining IN ('requested', 'declined', 'none')),
        reason text NOT NULL,
        log_loss double precision,
        coverage double precision NOT NULL,
        row_count bigint NOT NULL,
        PRIMARY KEY (monitor, starts_at)
      )`);
    await runner.query(`
      CREATE TABLE retraining (
        id text PRIMARY KEY,
        monitor text NOT NULL REFERENCES monitor (name),
        model text NOT NULL,
        window_starts_at bigint NOT NULL,
        live_version integer NOT NULL,
        requested_at bigint NOT NULL,
        reason text NOT NULL,
        inputs jsonb NOT NULL,
        ended_at bigint,
        ended_by text
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE retraining, closed_window, monitor, label, prediction, live_interval, model_version, plan, feature_set, deployment');
  }
}
