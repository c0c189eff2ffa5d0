import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Records, the shards that order their arrival, quarantine, and the contracts in force. */
export class Ingestion0001Records1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Names are compared byte by byte: the digest over the records must not depend on the server's locale.
    await runner.query(`
      CREATE TABLE record (
        source text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        type text NOT NULL,
        key text NOT NULL,
        shard integer NOT NULL,
        event_time bigint NOT NULL,
        arrival bigint NOT NULL,
        arrival_basis text NOT NULL CHECK (arrival_basis IN ('observed', 'declared')),
        recorded_at bigint NOT NULL,
        subject text NOT NULL,
        data jsonb NOT NULL,
        content_digest text NOT NULL,
        revision integer NOT NULL,
        supersedes text NOT NULL,
        traceparent text NOT NULL,
        PRIMARY KEY (source, id)
      )`);
    await runner.query(`
      CREATE TABLE shard (
        shard integer PRIMARY KEY,
        watermark bigint NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE quarantine (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        source text COLLATE "C" NOT NULL,
        event_id text COLLATE "C" NOT NULL,
        event_type text NOT NULL,
        code text NOT NULL CHECK (code IN ('rejected', 'conflict')),
        field text NOT NULL,
        rule text NOT NULL,
        hint text NOT NULL,
        sender text NOT NULL,
        received_at bigint NOT NULL,
        original bytea NOT NULL,
        content_digest text NOT NULL UNIQUE
      )`);
    await runner.query('CREATE INDEX quarantine_by_source ON quarantine (source, sequence)');
    await runner.query('CREATE INDEX quarantine_by_event ON quarantine (source, event_id)');
    await runner.query(`
      CREATE TABLE source (
        name text COLLATE "C" PRIMARY KEY,
        version integer NOT NULL,
        spec jsonb NOT NULL
      )`);
  }

  // Migrations go forward only.
  async down(): Promise<void> {
    throw new Error('Migration Ingestion0001Records cannot be taken back.');
  }
}
