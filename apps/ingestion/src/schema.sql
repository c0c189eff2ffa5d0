CREATE TABLE quarantine (
  sequence bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  source text COLLATE "C" NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  event_type text NOT NULL,
  code text NOT NULL,
  field text NOT NULL,
  rule text NOT NULL,
  hint text NOT NULL,
  sender text NOT NULL,
  received_at bigint NOT NULL,
  original bytea NOT NULL,
  content_digest text NOT NULL,
  topic text,
  partition integer,
  "offset" bigint,
  message_key bytea,
  headers jsonb,
  state text NOT NULL DEFAULT 'open'::text,
  mended_by text,
  mended_at bigint,
  reason text,
  outcome text,
  mended_digest text,
  CONSTRAINT quarantine_code_check CHECK ((code = ANY (ARRAY['rejected'::text, 'conflict'::text, 'invalid'::text, 'too_large'::text, 'forbidden'::text, 'not_found'::text, 'internal'::text]))),
  CONSTRAINT quarantine_content_digest_key UNIQUE (content_digest),
  CONSTRAINT quarantine_mended CHECK (((state = 'mended'::text) = ((mended_by IS NOT NULL) AND (mended_at IS NOT NULL) AND (reason IS NOT NULL) AND (outcome IS NOT NULL) AND (mended_digest IS NOT NULL)))),
  CONSTRAINT quarantine_pkey PRIMARY KEY (sequence),
  CONSTRAINT quarantine_state_check CHECK ((state = ANY (ARRAY['open'::text, 'mended'::text]))),
  CONSTRAINT quarantine_stood CHECK ((((topic IS NULL) = (partition IS NULL)) AND ((topic IS NULL) = ("offset" IS NULL))))
);
CREATE INDEX quarantine_by_event ON quarantine USING btree (source, event_id);
CREATE INDEX quarantine_by_source ON quarantine USING btree (source, sequence);
CREATE INDEX quarantine_open ON quarantine USING btree (sequence) WHERE (state = 'open'::text);

CREATE TABLE record (
  source text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  type text NOT NULL,
  key text NOT NULL,
  shard integer NOT NULL,
  event_time bigint NOT NULL,
  arrival bigint NOT NULL,
  arrival_basis text NOT NULL,
  recorded_at bigint NOT NULL,
  subject text NOT NULL,
  data jsonb NOT NULL,
  content_digest text NOT NULL,
  revision integer NOT NULL,
  supersedes text NOT NULL,
  traceparent text NOT NULL,
  identity text COLLATE "C" NOT NULL DEFAULT ''::text,
  withdrawn boolean NOT NULL DEFAULT false,
  mended_by text NOT NULL DEFAULT ''::text,
  CONSTRAINT record_arrival_basis_check CHECK ((arrival_basis = ANY (ARRAY['observed'::text, 'declared'::text]))),
  CONSTRAINT record_pkey PRIMARY KEY (source, id)
);
CREATE INDEX record_by_fact ON record USING btree (source, type, identity, revision) WHERE (identity <> ''::text);
CREATE INDEX record_mended ON record USING btree (mended_by) WHERE (mended_by <> ''::text);

CREATE TABLE shard (
  shard integer NOT NULL,
  watermark bigint NOT NULL,
  CONSTRAINT shard_pkey PRIMARY KEY (shard)
);

CREATE TABLE source (
  name text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  spec jsonb NOT NULL,
  topic text COLLATE "C",
  CONSTRAINT source_pkey PRIMARY KEY (name),
  CONSTRAINT source_topic_key UNIQUE (topic)
);
