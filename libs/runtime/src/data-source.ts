import { types, type Pool, type PoolClient } from 'pg';
import { DataSource, type EntitySchema } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver';

const INT8 = 20;
const INT8_ARRAY = 1016;
const TEXT_ARRAY = 1009;

/** A bigint as a number. Throws where a double cannot hold it: a silently rounded instant or offset would be worse. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`The bigint ${text} is beyond ±2^53: read it as text.`);
}

const parseInt8Array = (text: string): (number | null)[] =>
  parseTextArray(text).map((item) => (item === null ? null : parseInt8(item)));
const parseTextArray = types.getTypeParser(TEXT_ARRAY as never) as (text: string) => (string | null)[];

/** Result parsers of these pools only: a global one would also change what other libraries in the process read. */
const parsers = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === INT8) return parseInt8;
    if (oid === INT8_ARRAY) return parseInt8Array;
    return types.getTypeParser(oid, format as 'text');
  },
};

export interface DataSourceOptions {
  url: string;
  /** Shown in pg_stat_activity. */
  name: string;
  entities?: EntitySchema[];
  /** Connections; a transaction holds one. Default 10. */
  poolSize?: number;
}

/** A TypeORM data source of one service. It is never the default one, and creates or changes nothing by itself. */
export function createDataSource({ url, name, entities = [], poolSize = 10 }: DataSourceOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    applicationName: name,
    entities,
    synchronize: false,
    logging: false,
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    poolSize,
    connectTimeoutMS: 5_000,
    // Errors of idle connections are noted where they are used next.
    poolErrorHandler: () => undefined,
    extra: {
      types: parsers,
      keepAlive: true,
      idleTimeoutMillis: 30_000,
      // A process that was stopped in a transaction must not hold its locks for ever.
      options: '-c idle_in_transaction_session_timeout=15000 -c timezone=UTC',
    },
  });
}

/** The pool below a data source that was initialized. */
export function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as PostgresDriver).master as Pool;
}

export type { PoolClient };
