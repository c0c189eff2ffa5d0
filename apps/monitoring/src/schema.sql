CREATE TABLE closed_window (
  monitor text NOT NULL,
  starts_at bigint NOT NULL,
  ends_at bigint NOT NULL,
  decided_at bigint NOT NULL,
  model text NOT NULL,
  reference_version integer NOT NULL,
  tests jsonb NOT NULL,
  untested jsonb NOT NULL,
  alarm boolean NOT NULL,
  retraining text NOT NULL,
  reason text NOT NULL,
  log_loss double precision,
  coverage double precision NOT NULL,
  row_count bigint NOT NULL,
  labelled bigint NOT NULL,
  CONSTRAINT closed_window_monitor_fkey FOREIGN KEY (monitor) REFERENCES monitor(name),
  CONSTRAINT closed_window_pkey PRIMARY KEY (monitor, starts_at),
  CONSTRAINT closed_window_retraining_check CHECK ((retraining = ANY (ARRAY['requested'::text, 'declined'::text, 'none'::text])))
);

CREATE TABLE deployment (
  name text NOT NULL,
  model text,
  feature_set text,
  CONSTRAINT deployment_pkey PRIMARY KEY (name)
);

CREATE TABLE feature_set (
  name text NOT NULL,
  maturity bigint,
  request jsonb,
  features jsonb NOT NULL DEFAULT '[]'::jsonb,
  CONSTRAINT feature_set_pkey PRIMARY KEY (name)
);

CREATE TABLE label (
  feature_set text NOT NULL,
  example text NOT NULL,
  revision integer NOT NULL,
  value double precision NOT NULL,
  mature_from bigint NOT NULL,
  withdrawn boolean NOT NULL DEFAULT false,
  CONSTRAINT label_pkey PRIMARY KEY (feature_set, example, revision)
);
CREATE INDEX label_by_maturity ON label USING btree (feature_set, mature_from) WHERE (revision = 1);
CREATE INDEX label_withdrawn ON label USING btree (feature_set, example) WHERE withdrawn;

CREATE TABLE live_interval (
  deployment text NOT NULL,
  revision bigint NOT NULL,
  model text NOT NULL,
  version integer NOT NULL,
  digest text NOT NULL,
  live_from bigint NOT NULL,
  returns_to integer,
  CONSTRAINT live_interval_pkey PRIMARY KEY (deployment, revision)
);

CREATE TABLE model_version (
  model text NOT NULL,
  version integer NOT NULL,
  as_of bigint NOT NULL,
  profile jsonb,
  CONSTRAINT model_version_pkey PRIMARY KEY (model, version)
);

CREATE TABLE monitor (
  name text NOT NULL,
  deployment text NOT NULL,
  spec jsonb NOT NULL,
  watched_from bigint NOT NULL,
  next_from bigint,
  CONSTRAINT monitor_pkey PRIMARY KEY (name)
);
CREATE INDEX monitor_by_deployment ON monitor USING btree (deployment);

CREATE TABLE plan (
  name text NOT NULL,
  model text NOT NULL,
  CONSTRAINT plan_pkey PRIMARY KEY (name)
);

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
  probability double precision,
  missing jsonb NOT NULL DEFAULT '[]'::jsonb,
  CONSTRAINT prediction_pkey PRIMARY KEY (id, version, role)
);
CREATE INDEX prediction_by_time ON prediction USING btree (deployment, happens_at);

CREATE TABLE promotion (
  monitor text NOT NULL,
  revision bigint NOT NULL,
  model text NOT NULL,
  version integer NOT NULL,
  replaced integer NOT NULL,
  digest text NOT NULL,
  live_from bigint NOT NULL,
  due bigint NOT NULL,
  judged_at bigint,
  verdict text,
  reason text,
  difference double precision,
  low double precision,
  high double precision,
  row_count bigint,
  day_count bigint,
  rollback_id text,
  CONSTRAINT promotion_monitor_fkey FOREIGN KEY (monitor) REFERENCES monitor(name),
  CONSTRAINT promotion_pkey PRIMARY KEY (monitor, revision),
  CONSTRAINT promotion_verdict_check CHECK ((verdict = ANY (ARRAY['helped'::text, 'hurt'::text, 'unclear'::text])))
);
CREATE INDEX promotion_by_due ON promotion USING btree (monitor, due) WHERE (judged_at IS NULL);

CREATE TABLE retraining (
  id text NOT NULL,
  monitor text NOT NULL,
  model text NOT NULL,
  window_starts_at bigint NOT NULL,
  live_version integer NOT NULL,
  requested_at bigint NOT NULL,
  reason text NOT NULL,
  inputs jsonb NOT NULL,
  ended_at bigint,
  ended_by text,
  CONSTRAINT retraining_monitor_fkey FOREIGN KEY (monitor) REFERENCES monitor(name),
  CONSTRAINT retraining_pkey PRIMARY KEY (id)
);
