import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Traffic is planned for each deployment: a row of `traffic` is a plan, which all replicas take up and which is then said, or
 * refused. What was said before followed one promotion each, so its revision becomes the first of that promotion's thousand.
 */
export class Serving0004TrafficPlans1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE champion ADD COLUMN kind text NOT NULL DEFAULT 'promotion';

      ALTER TABLE deployment ADD COLUMN spec jsonb;
      UPDATE deployment SET spec = jsonb_build_object('model', model, 'featureSet', feature_set, 'ledger', ledger, 'look', '1d', 'keep', '14d', 'benchmark', 'none');
      ALTER TABLE deployment ALTER COLUMN spec SET NOT NULL, DROP COLUMN ledger;

      UPDATE applied SET revision = revision * 1000;
      ALTER TABLE applied DROP COLUMN model;

      ALTER TABLE traffic DROP CONSTRAINT traffic_pkey;
      ALTER TABLE traffic
        ADD COLUMN promotion bigint, ADD COLUMN declared bigint NOT NULL DEFAULT 0, ADD COLUMN planned_at bigint,
        ADD COLUMN under_way boolean NOT NULL DEFAULT false, ADD COLUMN held boolean NOT NULL DEFAULT false,
        ADD COLUMN plan jsonb, ADD COLUMN figures jsonb, ADD COLUMN figures_at bigint,
        ALTER COLUMN shifted_at DROP NOT NULL;
      -- A deployment that was given another model keeps the traffic of the one that it has.
      DELETE FROM traffic USING deployment WHERE deployment.name = traffic.deployment AND deployment.model <> traffic.model;
      UPDATE traffic SET promotion = revision, revision = revision * 1000, planned_at = shifted_at,
        shifted_at = CASE WHEN failure IS NULL THEN shifted_at END,
        plan = jsonb_build_object('liveSince', shifted_at, 'before', null, 'candidate', null, 'stage', 'live', 'share', 0, 'kept', '[]'::jsonb, 'benchmark', null, 'rollout', '[]'::jsonb,
          'step', 0, 'rolloutFrom', revision * 1000, 'rolloutSince', shifted_at, 'stageFrom', revision * 1000, 'stageSince', shifted_at, 'reason', '');
      UPDATE traffic SET declared = deployment.version FROM deployment WHERE deployment.name = traffic.deployment;
      ALTER TABLE traffic
        DROP COLUMN replaces, ALTER COLUMN promotion SET NOT NULL, ALTER COLUMN planned_at SET NOT NULL, ALTER COLUMN plan SET NOT NULL,
        ADD PRIMARY KEY (deployment, revision);

      ALTER TABLE prediction
        ADD COLUMN feature_set text NOT NULL DEFAULT '', ADD COLUMN traffic bigint NOT NULL DEFAULT 0,
        ADD COLUMN reason text NOT NULL DEFAULT '', ADD COLUMN error text NOT NULL DEFAULT '';
      -- One id is answered once, whichever version was to answer when it came.
      DROP INDEX prediction_answered_once;
      CREATE UNIQUE INDEX prediction_answered_once ON prediction (id) WHERE role IN ('live', 'canary', 'fallback', 'named');

      -- The newest truth about examples that were labelled while a rollout was under way that may read it.
      CREATE TABLE label (
        feature_set text NOT NULL,
        example text NOT NULL,
        revision integer NOT NULL,
        value double precision NOT NULL,
        matures_at bigint NOT NULL,
        withdrawn boolean NOT NULL,
        PRIMARY KEY (feature_set, example)
      );
      -- Requests to go back that were taken: the same one goes back once.
      CREATE TABLE rollback_request (id text PRIMARY KEY, taken_at bigint NOT NULL);
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
