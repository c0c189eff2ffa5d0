import { events, serviceNames, topics } from '@rhei/contracts';
import { Client } from 'pg';

const tables = `
CREATE TABLE IF NOT EXISTS event_type (type text PRIMARY KEY, topic text NOT NULL, service text NOT NULL);

-- One page, rewritten with every append: room for new row versions keeps them on it.
CREATE TABLE IF NOT EXISTS partition (
  topic text, partition int, next bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (topic, partition)
) WITH (fillfactor = 10);

CREATE TABLE IF NOT EXISTS event (
  topic text, partition int, "offset" bigint,
  key text NOT NULL, headers jsonb NOT NULL, payload bytea NOT NULL,
  appended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (topic, partition, "offset")
);
`;

// The only way to write: it knows the caller by the role of the session, which the function's owner does not change.
const functions = `
CREATE OR REPLACE FUNCTION log_speaker() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF session_user NOT LIKE 'rhei\\_%' OR NOT EXISTS (SELECT FROM public.event_type WHERE service = substr(session_user, 6)) THEN
    RAISE EXCEPTION 'Role "%" is no service of this log: expected rhei_<service> with a service that says events in topics.ts.', session_user
      USING ERRCODE = 'RH001';
  END IF;
  RETURN substr(session_user, 6);
END $$;

CREATE OR REPLACE FUNCTION log_append(in_topic text, in_partition int, in_keys text[], in_headers jsonb[], in_payloads bytea[])
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  speaker text := log_speaker();
  count int := cardinality(in_keys);
  wrong text;
  after bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM partition WHERE topic = in_topic AND partition = in_partition) THEN
    RAISE EXCEPTION 'Partition %/% is not in the log: install the topics of this version first.', in_topic, in_partition
      USING ERRCODE = 'RH002';
  END IF;
  SELECT coalesce(h ->> 'ce_type', 'without ce_type') INTO wrong FROM unnest(in_headers) h
    WHERE NOT EXISTS (SELECT FROM event_type t WHERE t.type = h ->> 'ce_type' AND t.topic = in_topic AND t.service = speaker)
    LIMIT 1;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'Service "%" may not say event "%" on topic "%": topics.ts names no such row.', speaker, wrong, in_topic
      USING ERRCODE = 'RH003';
  END IF;
  -- The row lock is held until the commit: offsets have no gaps and follow the order of commits.
  UPDATE partition SET next = next + count WHERE topic = in_topic AND partition = in_partition RETURNING next INTO after;
  INSERT INTO event (topic, partition, "offset", key, headers, payload)
    SELECT in_topic, in_partition, after - count + i - 1, k, h, p
    FROM unnest(in_keys, in_headers, in_payloads) WITH ORDINALITY AS e(k, h, p, i);
  RETURN after;
END $$;

CREATE OR REPLACE FUNCTION log_trim(in_topic text, older_than timestamptz)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  speaker text := log_speaker();
  removed bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM event_type WHERE topic = in_topic AND service = speaker) THEN
    RAISE EXCEPTION 'Service "%" may not trim topic "%": it says nothing there.', speaker, in_topic USING ERRCODE = 'RH003';
  END IF;
  DELETE FROM event WHERE topic = in_topic AND appended_at < older_than;
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END $$;
`;

const rights = `
REVOKE ALL ON FUNCTION log_append(text, int, text[], jsonb[], bytea[]), log_trim(text, timestamptz) FROM PUBLIC;
DO $$
DECLARE role text;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN (${serviceNames.map((name) => `'rhei_${name}'`).join(', ')}) LOOP
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
    EXECUTE format('GRANT SELECT ON event, partition TO %I', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION log_append(text, int, text[], jsonb[], bytea[]), log_trim(text, timestamptz) TO %I', role);
  END LOOP;
END $$;
`;

/**
 * Makes or brings up to date the log's tables, its map of topics and the rights of the roles `rhei_<service>` that exist.
 * `adminUrl` names the log's database, as its owner. Safe to run again, and by many at once. A topic or an event type
 * that this version does not know stays: another version may still use it.
 */
export async function installPostgresLog(adminUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl, application_name: 'rhei log install', connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL client_min_messages = warning; SELECT pg_advisory_xact_lock(hashtextextended('rhei.log.install', 0))`);
    await client.query(tables + functions);
    const rows = Object.values(events);
    await client.query(
      `INSERT INTO event_type SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
       ON CONFLICT (type) DO UPDATE SET topic = excluded.topic, service = excluded.service`,
      [rows.map((row) => row.type), rows.map((row) => row.topic), rows.map((row) => row.from)],
    );
    await client.query(
      `INSERT INTO partition (topic, partition)
       SELECT topic, number FROM unnest($1::text[], $2::int[]) AS t(topic, partitions), generate_series(0, partitions - 1) AS number
       ON CONFLICT DO NOTHING`,
      [Object.keys(topics), Object.values(topics).map(({ partitions }) => partitions)],
    );
    await client.query(rights);
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}
