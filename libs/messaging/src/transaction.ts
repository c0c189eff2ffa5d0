/** A running database transaction, as far as messaging needs it. */
export interface Queryable {
  query<Row = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<Row[]>;
}

/** Runs `work` in one transaction of the service's database. */
export interface Transactor<Tx extends Queryable = Queryable> {
  transaction<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>;
}
