CREATE TABLE applied (
  replica text NOT NULL,
  deployment text NOT NULL,
  revision bigint NOT NULL,
  CONSTRAINT applied_pkey PRIMARY KEY (replica, deployment),
  CONSTRAINT applied_replica_fkey FOREIGN KEY (replica) REFERENCES replica(id) ON DELETE CASCADE
);

CREATE TABLE champion (
  model text NOT NULL,
  version integer NOT NULL,
  digest text NOT NULL,
  revision bigint NOT NULL,
  replaces integer NOT NULL,
  promoted_at bigint NOT NULL,
  kind text NOT NULL DEFAULT 'promotion'::text,
  CONSTRAINT champion_pkey PRIMARY KEY (model)
);

CREATE TABLE deployment (
  name text NOT NULL,
  version bigint NOT NULL,
  model text NOT NULL,
  feature_set text NOT NULL,
  spec jsonb NOT NULL,
  CONSTRAINT deployment_pkey PRIMARY KEY (name)
);

CREATE TABLE feature_set (
  name text NOT NULL,
  version bigint NOT NULL,
  spec jsonb NOT NULL,
  CONSTRAINT feature_set_pkey PRIMARY KEY (name)
);

CREATE TABLE known_model (
  name text NOT NULL,
  CONSTRAINT known_model_pkey PRIMARY KEY (name)
);

CREATE TABLE label (
  feature_set text NOT NULL,
  example text NOT NULL,
  revision integer NOT NULL,
  value double precision NOT NULL,
  matures_at bigint NOT NULL,
  withdrawn boolean NOT NULL,
  CONSTRAINT label_pkey PRIMARY KEY (feature_set, example)
);

CREATE TABLE ledger_count (
  deployment text NOT NULL,
  role text NOT NULL,
  slot integer NOT NULL,
  count bigint NOT NULL,
  CONSTRAINT ledger_count_pkey PRIMARY KEY (deployment, role, slot)
);

CREATE TABLE prediction (
  id text NOT NULL,
  version integer NOT NULL,
  role text NOT NULL,
  deployment text NOT NULL,
  model text NOT NULL,
  digest text NOT NULL,
  example text NOT NULL,
  example_time bigint NOT NULL,
  as_of bigint NOT NULL,
  inputs_digest text NOT NULL,
  request jsonb NOT NULL,
  features jsonb NOT NULL,
  outputs jsonb NOT NULL,
  traceparent text NOT NULL DEFAULT ''::text,
  feature_set text NOT NULL DEFAULT ''::text,
  traffic bigint NOT NULL DEFAULT 0,
  reason text NOT NULL DEFAULT ''::text,
  error text NOT NULL DEFAULT ''::text,
  feature_set_version bigint NOT NULL DEFAULT 0,
  CONSTRAINT prediction_pkey PRIMARY KEY (id, version, role)
);
CREATE UNIQUE INDEX prediction_answered_once ON prediction USING btree (id) WHERE (role = ANY (ARRAY['live'::text, 'canary'::text, 'fallback'::text, 'named'::text]));
CREATE INDEX prediction_listed ON prediction USING btree (deployment, role, as_of, id COLLATE "C");

CREATE TABLE rollback_request (
  id text NOT NULL,
  taken_at bigint NOT NULL,
  CONSTRAINT rollback_request_pkey PRIMARY KEY (id)
);

CREATE TABLE traffic (
  deployment text NOT NULL,
  model text NOT NULL,
  revision bigint NOT NULL,
  version integer NOT NULL,
  digest text NOT NULL,
  shifted_at bigint,
  failure text,
  promotion bigint NOT NULL,
  declared bigint NOT NULL DEFAULT 0,
  planned_at bigint NOT NULL,
  under_way boolean NOT NULL DEFAULT false,
  held boolean NOT NULL DEFAULT false,
  plan jsonb NOT NULL,
  figures jsonb,
  figures_at bigint,
  CONSTRAINT traffic_pkey PRIMARY KEY (deployment, revision)
);
