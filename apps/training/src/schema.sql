CREATE TABLE known_feature_set (
  name text NOT NULL,
  version bigint NOT NULL,
  spec jsonb NOT NULL,
  longest_window bigint NOT NULL,
  features jsonb NOT NULL,
  CONSTRAINT known_feature_set_pkey PRIMARY KEY (name)
);

CREATE TABLE known_label (
  feature_set text NOT NULL,
  example text NOT NULL,
  example_time bigint NOT NULL,
  matures_at bigint NOT NULL,
  arrival bigint NOT NULL,
  revision integer NOT NULL DEFAULT 0,
  withdrawn boolean NOT NULL DEFAULT false,
  CONSTRAINT known_label_pkey PRIMARY KEY (feature_set, example)
);

CREATE TABLE known_model (
  name text NOT NULL,
  version bigint NOT NULL,
  CONSTRAINT known_model_pkey PRIMARY KEY (name)
);

CREATE TABLE known_version (
  model text NOT NULL,
  version integer NOT NULL,
  digest text NOT NULL,
  run text NOT NULL,
  fit_until bigint,
  revision bigint,
  CONSTRAINT known_version_pkey PRIMARY KEY (model, version)
);
CREATE INDEX known_version_run ON known_version USING btree (run);

CREATE TABLE plan (
  name text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  spec jsonb NOT NULL,
  runs integer NOT NULL DEFAULT 0,
  CONSTRAINT plan_pkey PRIMARY KEY (name)
);

CREATE TABLE reproduction (
  id text COLLATE "C" NOT NULL,
  run text COLLATE "C" NOT NULL,
  number integer NOT NULL,
  by text NOT NULL,
  request_id text,
  state text NOT NULL DEFAULT 'running'::text,
  differences jsonb NOT NULL DEFAULT '[]'::jsonb,
  failure text NOT NULL DEFAULT ''::text,
  progress double precision NOT NULL DEFAULT 0,
  phase text NOT NULL DEFAULT ''::text,
  deaths integer NOT NULL DEFAULT 0,
  seconds double precision NOT NULL DEFAULT 0,
  traceparent text NOT NULL DEFAULT ''::text,
  lease_holder text NOT NULL DEFAULT ''::text,
  lease_token bigint NOT NULL DEFAULT 0,
  lease_beat bigint NOT NULL DEFAULT 0,
  CONSTRAINT reproduction_pkey PRIMARY KEY (id),
  CONSTRAINT reproduction_run_fkey FOREIGN KEY (run) REFERENCES run(id),
  CONSTRAINT reproduction_run_number_key UNIQUE (run, number),
  CONSTRAINT reproduction_run_request_id_key UNIQUE (run, request_id),
  CONSTRAINT reproduction_state_check CHECK ((state = ANY (ARRAY['running'::text, 'same'::text, 'different'::text, 'failed'::text])))
);
CREATE INDEX reproduction_running ON reproduction USING btree (id) WHERE (state = 'running'::text);

CREATE TABLE run (
  id text COLLATE "C" NOT NULL,
  plan text COLLATE "C" NOT NULL,
  number integer NOT NULL,
  model text NOT NULL,
  feature_set text NOT NULL,
  feature_set_version bigint NOT NULL,
  reads jsonb NOT NULL,
  spec jsonb NOT NULL,
  state text NOT NULL,
  as_of bigint NOT NULL,
  cause jsonb NOT NULL,
  by text NOT NULL,
  request_id text,
  build text NOT NULL DEFAULT 'unasked'::text,
  training_set text NOT NULL DEFAULT ''::text,
  heard_training_set text NOT NULL DEFAULT ''::text,
  manifest_digest text NOT NULL DEFAULT ''::text,
  training_set_digest text NOT NULL DEFAULT ''::text,
  champion jsonb,
  progress double precision NOT NULL DEFAULT 0,
  deaths integer NOT NULL DEFAULT 0,
  report jsonb,
  artifact_digest text NOT NULL DEFAULT ''::text,
  failure text NOT NULL DEFAULT ''::text,
  ended_at bigint,
  seconds double precision NOT NULL DEFAULT 0,
  lease_holder text NOT NULL DEFAULT ''::text,
  lease_token bigint NOT NULL DEFAULT 0,
  lease_beat bigint NOT NULL DEFAULT 0,
  traceparent text NOT NULL DEFAULT ''::text,
  phase text NOT NULL DEFAULT ''::text,
  no_cache boolean NOT NULL DEFAULT false,
  inputs_digest text NOT NULL DEFAULT ''::text,
  cached_from text COLLATE "C",
  record jsonb,
  CONSTRAINT run_build_check CHECK ((build = ANY (ARRAY['unasked'::text, 'building'::text, 'built'::text]))),
  CONSTRAINT run_cached_from_fkey FOREIGN KEY (cached_from) REFERENCES run(id),
  CONSTRAINT run_pkey PRIMARY KEY (id),
  CONSTRAINT run_plan_fkey FOREIGN KEY (plan) REFERENCES plan(name),
  CONSTRAINT run_plan_number_key UNIQUE (plan, number),
  CONSTRAINT run_plan_request_id_key UNIQUE (plan, request_id),
  CONSTRAINT run_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE INDEX run_by_inputs ON run USING btree (plan, inputs_digest) WHERE (state = 'succeeded'::text);
CREATE INDEX run_newest ON run USING btree (as_of, number, id);
CREATE INDEX run_newest_of_model ON run USING btree (model, as_of, number, id);
CREATE UNIQUE INDEX run_one_open ON run USING btree (plan) WHERE (state = ANY (ARRAY['waiting'::text, 'running'::text]));
