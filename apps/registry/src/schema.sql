CREATE TABLE deployment_traffic (
  deployment text NOT NULL,
  model text NOT NULL,
  revision bigint NOT NULL,
  live integer NOT NULL,
  live_since bigint NOT NULL,
  stage text NOT NULL,
  candidate integer NOT NULL,
  candidate_since bigint NOT NULL,
  share double precision NOT NULL,
  CONSTRAINT deployment_traffic_pkey PRIMARY KEY (deployment)
);

CREATE TABLE help_judgement (
  model text NOT NULL,
  version integer NOT NULL,
  monitor text NOT NULL,
  judged_at bigint NOT NULL,
  deployment text NOT NULL,
  replaced integer NOT NULL,
  verdict text NOT NULL,
  difference double precision NOT NULL,
  low double precision NOT NULL,
  high double precision NOT NULL,
  rows bigint NOT NULL,
  CONSTRAINT help_judgement_model_version_fkey FOREIGN KEY (model, version) REFERENCES model_version(model, version),
  CONSTRAINT help_judgement_pkey PRIMARY KEY (model, version, monitor, judged_at)
);

CREATE TABLE model (
  name text NOT NULL,
  spec jsonb NOT NULL,
  spec_version bigint NOT NULL,
  champion integer NOT NULL DEFAULT 0,
  revision bigint NOT NULL DEFAULT 0,
  CONSTRAINT model_pkey PRIMARY KEY (name)
);

CREATE TABLE model_version (
  model text NOT NULL,
  version integer NOT NULL,
  digest text NOT NULL,
  run text NOT NULL,
  author text NOT NULL,
  state text NOT NULL,
  gates jsonb NOT NULL,
  compared_with text NOT NULL,
  approved_by text NOT NULL,
  rejected_by text NOT NULL,
  reason text NOT NULL,
  registered_at bigint NOT NULL,
  promoted_at bigint NOT NULL,
  feature_set text NOT NULL,
  feature_set_version bigint NOT NULL,
  fit_until bigint NOT NULL,
  cause jsonb NOT NULL,
  report jsonb NOT NULL,
  signature jsonb NOT NULL,
  example jsonb NOT NULL,
  card jsonb NOT NULL,
  parameters jsonb NOT NULL,
  training_set_digest text NOT NULL,
  code_digest text NOT NULL,
  traceparent text NOT NULL DEFAULT ''::text,
  brought jsonb NOT NULL DEFAULT '{"at": 0, "by": "", "from": "", "reason": ""}'::jsonb,
  as_of bigint NOT NULL DEFAULT 0,
  profile jsonb NOT NULL DEFAULT 'null'::jsonb,
  CONSTRAINT model_version_model_fkey FOREIGN KEY (model) REFERENCES model(name),
  CONSTRAINT model_version_model_run_key UNIQUE (model, run),
  CONSTRAINT model_version_pkey PRIMARY KEY (model, version),
  CONSTRAINT model_version_state_check CHECK ((state = ANY (ARRAY['registered'::text, 'gates_unmet'::text, 'awaiting_approval'::text, 'rejected'::text, 'champion'::text, 'retired'::text, 'rolled_back'::text, 'deprecated'::text])))
);
CREATE UNIQUE INDEX model_version_one_champion ON model_version USING btree (model) WHERE (state = 'champion'::text);

CREATE TABLE promotion (
  model text NOT NULL,
  revision bigint NOT NULL,
  version integer NOT NULL,
  replaces integer NOT NULL,
  promoted_by text NOT NULL,
  promoted_at bigint NOT NULL,
  traceparent text NOT NULL DEFAULT ''::text,
  kind text NOT NULL DEFAULT 'promotion'::text,
  reason text NOT NULL DEFAULT ''::text,
  CONSTRAINT promotion_kind_check CHECK ((kind = ANY (ARRAY['promotion'::text, 'rollback'::text]))),
  CONSTRAINT promotion_model_version_fkey FOREIGN KEY (model, version) REFERENCES model_version(model, version),
  CONSTRAINT promotion_pkey PRIMARY KEY (model, revision)
);
