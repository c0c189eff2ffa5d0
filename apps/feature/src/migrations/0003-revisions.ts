import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Records may be corrected and withdrawn, and windows hold more than sums. */
export class Feature0003Revisions1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // The revisions of a fact are one row, which is locked, added to and read at once: there are few of them.
    await runner.query(`
      CREATE TABLE fact (
        source text COLLATE "C",
        type text COLLATE "C",
        identity text COLLATE "C",
        revisions jsonb NOT NULL,
        PRIMARY KEY (source, type, identity)
      )`);
    // From "until" on a record is superseded; null: it never is.
    await runner.query(`
      ALTER TABLE view_record
        ADD COLUMN identity text COLLATE "C" NOT NULL DEFAULT '',
        ADD COLUMN until bigint,
        ADD COLUMN below bigint,
        ADD COLUMN item text`);
    await runner.query(`CREATE INDEX view_record_fact ON view_record (view, identity) WHERE identity <> ''`);
    await runner.query('CREATE INDEX view_record_until ON view_record (view, entity, until) WHERE until IS NOT NULL');
    await runner.query(`
      ALTER TABLE tile
        ADD COLUMN below numeric NOT NULL DEFAULT 0,
        ADD COLUMN least bigint,
        ADD COLUMN most bigint,
        ADD COLUMN items text`);
    await runner.query('ALTER TABLE feature_row ALTER COLUMN value DROP NOT NULL');
    await runner.query(`ALTER TABLE label ADD COLUMN identity text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN until bigint`);
    await runner.query(`CREATE INDEX label_fact ON label (feature_set, identity) WHERE identity <> ''`);
    await runner.query('CREATE INDEX label_until ON label (feature_set, until) WHERE until IS NOT NULL');
    // The records of an example that may be corrected; the example's own row then repeats the one that counts in the end.
    await runner.query('ALTER TABLE example ADD COLUMN revised boolean NOT NULL DEFAULT false');
    await runner.query(`
      CREATE TABLE example_revision (
        feature_set text COLLATE "C",
        example text COLLATE "C",
        event_time bigint,
        arrival bigint,
        source text COLLATE "C",
        record text COLLATE "C",
        known_at bigint NOT NULL,
        recorded_at bigint NOT NULL,
        basis smallint NOT NULL,
        data_json text NOT NULL,
        identity text COLLATE "C" NOT NULL,
        until bigint,
        PRIMARY KEY (feature_set, example, event_time, arrival, source, record)
      )`);
    await runner.query('CREATE INDEX example_revision_fact ON example_revision (feature_set, identity)');
    await runner.query('CREATE INDEX example_revision_until ON example_revision (feature_set, until) WHERE until IS NOT NULL');
    // How many predictions were recomputed, a row for each shard, since two shards must not wait for one another.
    await runner.query(`
      CREATE TABLE served_check (
        feature_set text COLLATE "C",
        shard integer,
        checked bigint NOT NULL,
        differing bigint NOT NULL,
        PRIMARY KEY (feature_set, shard)
      )`);
    await runner.query(`
      CREATE TABLE served_difference (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        feature_set text COLLATE "C" NOT NULL,
        prediction text COLLATE "C" NOT NULL,
        feature text COLLATE "C" NOT NULL,
        as_of bigint NOT NULL,
        served double precision,
        recomputed double precision,
        UNIQUE (prediction, feature)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE served_difference, served_check, example_revision, fact');
    await runner.query('DROP INDEX view_record_fact, view_record_until, label_fact, label_until');
    await runner.query('ALTER TABLE view_record DROP COLUMN identity, DROP COLUMN until, DROP COLUMN below, DROP COLUMN item');
    await runner.query('ALTER TABLE tile DROP COLUMN below, DROP COLUMN least, DROP COLUMN most, DROP COLUMN items');
    await runner.query('DELETE FROM feature_row WHERE value IS NULL');
    await runner.query('ALTER TABLE feature_row ALTER COLUMN value SET NOT NULL');
    await runner.query('ALTER TABLE label DROP COLUMN identity, DROP COLUMN until');
    await runner.query('ALTER TABLE example DROP COLUMN revised');
  }
}
