CREATE TABLE definition (
  kind text NOT NULL,
  name text NOT NULL,
  version bigint NOT NULL,
  spec jsonb NOT NULL,
  applied_at bigint NOT NULL,
  CONSTRAINT definition_kind_check CHECK ((kind = ANY (ARRAY['Source'::text, 'FeatureView'::text, 'FeatureSet'::text]))),
  CONSTRAINT definition_pkey PRIMARY KEY (kind, name, version)
);

CREATE TABLE evaluation_failure (
  kind text NOT NULL,
  name text NOT NULL,
  part text NOT NULL,
  source text NOT NULL,
  record text NOT NULL,
  problem text NOT NULL,
  at bigint NOT NULL,
  CONSTRAINT evaluation_failure_pkey PRIMARY KEY (kind, name, part, source, record)
);

CREATE TABLE example (
  feature_set text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
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
  revised boolean NOT NULL DEFAULT false,
  told_example_time bigint,
  CONSTRAINT example_pkey PRIMARY KEY (feature_set, id)
);

CREATE TABLE example_revision (
  feature_set text COLLATE "C" NOT NULL,
  example text COLLATE "C" NOT NULL,
  event_time bigint NOT NULL,
  arrival bigint NOT NULL,
  source text COLLATE "C" NOT NULL,
  record text COLLATE "C" NOT NULL,
  known_at bigint NOT NULL,
  recorded_at bigint NOT NULL,
  basis smallint NOT NULL,
  data_json text NOT NULL,
  identity text COLLATE "C" NOT NULL,
  until bigint,
  CONSTRAINT example_revision_pkey PRIMARY KEY (feature_set, example, event_time, arrival, source, record)
);
CREATE INDEX example_revision_fact ON example_revision USING btree (feature_set, identity);
CREATE INDEX example_revision_until ON example_revision USING btree (feature_set, until) WHERE (until IS NOT NULL);

CREATE TABLE fact (
  source text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  identity text COLLATE "C" NOT NULL,
  revisions jsonb NOT NULL,
  CONSTRAINT fact_pkey PRIMARY KEY (source, type, identity)
);

CREATE TABLE feature_row (
  view text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  known_at bigint NOT NULL,
  event_time bigint NOT NULL,
  n bigint NOT NULL,
  value double precision,
  CONSTRAINT feature_row_pkey PRIMARY KEY (view, entity, known_at)
);

CREATE TABLE label (
  feature_set text COLLATE "C" NOT NULL,
  example text COLLATE "C" NOT NULL,
  event_time bigint NOT NULL,
  arrival bigint NOT NULL,
  source text COLLATE "C" NOT NULL,
  record text COLLATE "C" NOT NULL,
  known_at bigint NOT NULL,
  recorded_at bigint NOT NULL,
  basis smallint NOT NULL,
  value double precision NOT NULL,
  identity text COLLATE "C" NOT NULL DEFAULT ''::text,
  until bigint,
  CONSTRAINT label_pkey PRIMARY KEY (feature_set, example, event_time, arrival, source, record)
);
CREATE INDEX label_fact ON label USING btree (feature_set, identity) WHERE (identity <> ''::text);
CREATE INDEX label_until ON label USING btree (feature_set, until) WHERE (until IS NOT NULL);

CREATE TABLE served_check (
  feature_set text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  checked bigint NOT NULL,
  differing bigint NOT NULL,
  CONSTRAINT served_check_pkey PRIMARY KEY (feature_set, shard)
);

CREATE TABLE served_difference (
  sequence bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  feature_set text COLLATE "C" NOT NULL,
  prediction text COLLATE "C" NOT NULL,
  feature text COLLATE "C" NOT NULL,
  as_of bigint NOT NULL,
  served double precision,
  recomputed double precision,
  CONSTRAINT served_difference_pkey PRIMARY KEY (sequence),
  CONSTRAINT served_difference_prediction_feature_key UNIQUE (prediction, feature)
);

CREATE TABLE tile (
  view text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  start bigint NOT NULL,
  n bigint NOT NULL,
  sum numeric NOT NULL,
  squares numeric NOT NULL,
  below numeric NOT NULL DEFAULT 0,
  "least" bigint,
  most bigint,
  items text,
  CONSTRAINT tile_pkey PRIMARY KEY (view, entity, start)
);

CREATE TABLE training_set (
  id text NOT NULL,
  feature_set text NOT NULL,
  version bigint NOT NULL,
  as_of bigint NOT NULL,
  require_full_windows boolean NOT NULL,
  state text NOT NULL,
  asked_at bigint NOT NULL,
  manifest_digest text NOT NULL DEFAULT ''::text,
  manifest jsonb,
  error text NOT NULL DEFAULT ''::text,
  traceparent text NOT NULL DEFAULT ''::text,
  CONSTRAINT training_set_pkey PRIMARY KEY (id),
  CONSTRAINT training_set_state_check CHECK ((state = ANY (ARRAY['building'::text, 'built'::text, 'failed'::text])))
);
CREATE INDEX training_set_building ON training_set USING btree (as_of, id) WHERE (state = 'building'::text);

CREATE TABLE view_entity (
  view text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  CONSTRAINT view_entity_pkey PRIMARY KEY (view, entity)
);

CREATE TABLE view_record (
  view text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  event_time bigint NOT NULL,
  arrival bigint NOT NULL,
  source text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  known_at bigint NOT NULL,
  recorded_at bigint NOT NULL,
  basis smallint NOT NULL,
  revision integer NOT NULL,
  supersedes text NOT NULL,
  scaled bigint NOT NULL,
  identity text COLLATE "C" NOT NULL DEFAULT ''::text,
  until bigint,
  below bigint,
  item text,
  CONSTRAINT view_record_pkey PRIMARY KEY (view, entity, event_time, arrival, source, id)
);
CREATE INDEX view_record_fact ON view_record USING btree (view, identity) WHERE (identity <> ''::text);
CREATE INDEX view_record_known ON view_record USING btree (view, entity, known_at);
CREATE INDEX view_record_until ON view_record USING btree (view, entity, until) WHERE (until IS NOT NULL);

CREATE TABLE watermark (
  shard integer NOT NULL,
  reached bigint NOT NULL,
  CONSTRAINT watermark_pkey PRIMARY KEY (shard)
);
