import type { MigrationInterface, QueryRunner } from 'typeorm';

// Texts that take part in an order have the collation "C", whose order is that of the bytes everywhere.
export class Feature0001Features1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Every version of the views and sets, and the sources of ingestion: rows are only added.
    await runner.query(`
      CREATE TABLE definition (
        kind text NOT NULL CHECK (kind IN ('Source', 'FeatureView', 'FeatureSet')),
        name text NOT NULL,
        version bigint NOT NULL,
        spec jsonb NOT NULL,
        applied_at bigint NOT NULL,
        PRIMARY KEY (kind, name, version)
      )`);
    await runner.query('CREATE TABLE watermark (shard integer PRIMARY KEY, reached bigint NOT NULL)');
    // One row to lock for each entity of a view.
    await runner.query('CREATE TABLE view_entity (view text COLLATE "C", entity text COLLATE "C", PRIMARY KEY (view, entity))');
    await runner.query(`
      CREATE TABLE view_record (
        view text COLLATE "C",
        entity text COLLATE "C",
        event_time bigint,
        arrival bigint,
        source text COLLATE "C",
        id text COLLATE "C",
        known_at bigint NOT NULL,
        recorded_at bigint NOT NULL,
        basis smallint NOT NULL,
        revision integer NOT NULL,
        supersedes text NOT NULL,
        scaled bigint NOT NULL,
        PRIMARY KEY (view, entity, event_time, arrival, source, id)
      )`);
    await runner.query('CREATE INDEX view_record_known ON view_record (view, entity, known_at)');
    await runner.query(`
      CREATE TABLE tile (
        view text COLLATE "C",
        entity text COLLATE "C",
        start bigint,
        n bigint NOT NULL,
        sum numeric NOT NULL,
        squares numeric NOT NULL,
        PRIMARY KEY (view, entity, start)
      )`);
    await runner.query(`
      CREATE TABLE feature_row (
        view text COLLATE "C",
        entity text COLLATE "C",
        known_at bigint,
        event_time bigint NOT NULL,
        n bigint NOT NULL,
        value double precision NOT NULL,
        PRIMARY KEY (view, entity, known_at)
      )`);
    // Made by whatever speaks of an example first: its record, its label or a prediction.
    await runner.query(`
      CREATE TABLE example (
        feature_set text COLLATE "C",
        id text COLLATE "C",
        event_time bigint,
        arrival bigint,
        source text COLLATE "C",
        record text COLLATE "C",
        known_at bigint,
        recorded_at bigint,
        basis smallint,
        data_json text,
        predicted_as_of bigint,
        revision integer NOT NULL DEFAULT 0,
        told_event_time bigint,
        told_arrival bigint,
        told_source text COLLATE "C",
        told_record text COLLATE "C",
        told_known_at bigint,
        told_value double precision,
        PRIMARY KEY (feature_set, id)
      )`);
    await runner.query(`
      CREATE TABLE label (
        feature_set text COLLATE "C",
        example text COLLATE "C",
        event_time bigint,
        arrival bigint,
        source text COLLATE "C",
        record text COLLATE "C",
        known_at bigint NOT NULL,
        recorded_at bigint NOT NULL,
        basis smallint NOT NULL,
        value double precision NOT NULL,
        PRIMARY KEY (feature_set, example, event_time, arrival, source, record)
      )`);
    await runner.query(`
      CREATE TABLE evaluation_failure (
        kind text,
        name text,
        part text,
        source text,
        record text,
        problem text NOT NULL,
        at bigint NOT NULL,
        PRIMARY KEY (kind, name, part, source, record)
      )`);
    await runner.query(`
      CREATE TABLE training_set (
        id text PRIMARY KEY,
        feature_set text NOT NULL,
        version bigint NOT NULL,
        as_of bigint NOT NULL,
        require_full_windows boolean NOT NULL,
        state text NOT NULL CHECK (state IN ('building', 'built', 'failed')),
        asked_at bigint NOT NULL,
        manifest_digest text NOT NULL DEFAULT '',
        manifest jsonb,
        error text NOT NULL DEFAULT ''
      )`);
    await runner.query(`CREATE INDEX training_set_building ON training_set (as_of, id) WHERE state = 'building'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE training_set, evaluation_failure, label, example, feature_row, tile, view_record, view_entity, watermark, definition');
  }
}
