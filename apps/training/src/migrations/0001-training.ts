import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Training0001Training1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE plan (
        name text COLLATE "C" PRIMARY KEY,
        version bigint NOT NULL,
        spec jsonb NOT NULL,
        runs integer NOT NULL DEFAULT 0
      )`);
    await runner.query(`
      CREATE TABLE run (
        id text COLLATE "C" PRIMARY KEY,
        plan text COLLATE "C" NOT NULL REFERENCES plan (name),
        number integer NOT NULL,
        model text NOT NULL,
        feature_set text NOT NULL,
        feature_set_version bigint NOT NULL,
        reads jsonb NOT NULL,
        spec jsonb NOT NULL,
        state text NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled')),
        as_of bigint NOT NULL,
        cause jsonb NOT NULL,
        by text NOT NULL,
        request_id text,
        build text NOT NULL DEFAULT 'unasked' CHECK (build IN ('unasked', 'building', 'built')),
        training_set text NOT NULL DEFAULT '',
        heard_training_set text NOT NULL DEFAULT '',
        manifest_digest text NOT NULL DEFAULT '',
        training_set_digest text NOT NULL DEFAULT '',
        champion jsonb,
        progress double precision NOT NULL DEFAULT 0,
        deaths integer NOT NULL DEFAULT 0,
        report jsonb,
        artifact_digest text NOT NULL DEFAULT '',
        failure text NOT NULL DEFAULT '',
        ended_at bigint,
        seconds double precision NOT NULL DEFAULT 0,
        lease_holder text NOT NULL DEFAULT '',
        lease_token bigint NOT NULL DEFAULT 0,
        lease_beat bigint NOT NULL DEFAULT 0,
        UNIQUE (plan, number),
        UNIQUE (plan, request_id)
      )`);
    // One open run of a plan at every instant, whatever the code above it does.
    await runner.query(`CREATE UNIQUE INDEX run_one_open ON run (plan) WHERE state IN ('waiting', 'running')`);
    await runner.query(`
      CREATE TABLE known_model (
        name text PRIMARY KEY,
        version bigint NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE known_version (
        model text NOT NULL,
        version integer NOT NULL,
        digest text NOT NULL,
        run text NOT NULL,
        fit_until bigint,
        revision bigint,
        PRIMARY KEY (model, version)
      )`);
    await runner.query(`CREATE INDEX known_version_run ON known_version (run)`);
    await runner.query(`
      CREATE TABLE known_feature_set (
        name text PRIMARY KEY,
        version bigint NOT NULL,
        spec jsonb NOT NULL,
        longest_window bigint NOT NULL,
        features jsonb NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE known_label (
        feature_set text NOT NULL,
        example text NOT NULL,
        example_time bigint NOT NULL,
        matures_at bigint NOT NULL,
        arrival bigint NOT NULL,
        PRIMARY KEY (feature_set, example)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE known_label, known_feature_set, known_version, known_model, run, plan');
  }
}
