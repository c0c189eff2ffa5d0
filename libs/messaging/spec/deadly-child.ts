import { events } from '@rhei/contracts';
import { Pool } from 'pg';
import { PostgresEventLog, SharedConsumer, type Delivered, type Logger, type Queryable, type Transactor } from '../src';

/** What the spec tells its child, as JSON in the variable CHILD. */
export interface DeadlyOrders {
  database: string;
  hearer: string;
  /** Versions of the key "bad" at which the handler ends the process, and how: a signal to itself, or a call of exit. */
  deadly: { version: number; by: 'SIGKILL' | 'exit' }[];
  /** Ends well when so many effects are there. */
  effects: number;
}

const orders = JSON.parse(process.env['CHILD']!) as DeadlyOrders;
const logger: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const pool = new Pool({ connectionString: orders.database, max: 4 });
const database: Transactor & Queryable = {
  query: async (sql, parameters) => (await pool.query(sql, parameters)).rows,
  async transaction(work) {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const result = await work({ query: async (sql, parameters) => (await client.query(sql, parameters)).rows });
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  },
};

const handle = async ({ key, payload }: Delivered<'ModelApplied'>, tx: Queryable): Promise<void> => {
  await tx.query('INSERT INTO effect (key, version) VALUES ($1, $2)', [key, Number(payload.version)]);
  const death = key === 'bad' && orders.deadly.find(({ version }) => version === Number(payload.version));
  if (death && death.by === 'exit') process.exit(9);
  if (death) process.kill(process.pid, death.by);
};

async function main(): Promise<void> {
  const log = new PostgresEventLog({ url: orders.hearer, logger, poll: 50 });
  const consumer = new SharedConsumer({
    service: 'training', group: 'training', log, database, logger,
    handlers: new Map([[events.ModelApplied.type, handle]]),
  });
  await consumer.start();
  for (;;) {
    const [{ count }] = await database.query<{ count: string }>('SELECT count(*) AS count FROM effect');
    if (Number(count) >= orders.effects) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await consumer.stop();
  await log.close();
  await pool.end();
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
