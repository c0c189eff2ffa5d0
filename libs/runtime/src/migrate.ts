import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { MIGRATION_LOCK } from './advisory-locks';

/**
 * Brings a database up to date: runs those of `migrations` that it has not seen, in the order of the list, in one
 * transaction. Any number of processes may do so at once; one works, the others wait and find nothing left.
 * Returns the names of those that ran. A database that is ahead of this list is left as it is.
 */
export async function migrate(dataSource: DataSource, migrations: (new () => MigrationInterface)[]): Promise<string[]> {
  const names = migrations.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`Migration "${twice}" is listed twice: every name must be its own.`);
  const runner = dataSource.createQueryRunner();
  try {
    if ((await pending(runner, names)).size === 0) return [];
    await runner.startTransaction();
    try {
      await runner.query('SELECT pg_advisory_xact_lock($1, 0)', [MIGRATION_LOCK]);
      await runner.query('CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, place integer NOT NULL)');
      const missing = await pending(runner, names);
      for (const [place, migration] of migrations.entries()) {
        if (!missing.has(migration.name)) continue;
        await new migration().up(runner);
        await runner.query('INSERT INTO migration (name, place) VALUES ($1, $2)', [migration.name, place]);
      }
      await runner.commitTransaction();
      return [...missing];
    } catch (error) {
      await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    }
  } finally {
    await runner.release();
  }
}

async function pending(runner: QueryRunner, names: string[]): Promise<Set<string>> {
  const [{ known }] = (await runner.query(`SELECT to_regclass('migration') IS NOT NULL AS known`)) as [{ known: boolean }];
  const done = known ? ((await runner.query('SELECT name FROM migration')) as { name: string }[]) : [];
  const missing = new Set(names);
  for (const { name } of done) missing.delete(name);
  return missing;
}
