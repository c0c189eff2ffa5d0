import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceName } from '@rhei/contracts';
import { installPostgresLog, messagingMigrations } from '@rhei/messaging';
import { createLogger, runtimeMigrations, ServiceDatabase, startCluster, SystemClock } from '@rhei/runtime';

export interface DurableDatabases {
  of(service: ServiceName): { url: string; database: ServiceDatabase };
  /** Of the log in the same server, as this service. */
  logUrl(service: ServiceName): string;
  close(): Promise<void>;
}

/** Databases of services in a PostgreSQL of their own with fsync on, for measurements: those of the specs are quicker than any real one. */
export async function openDurableDatabases(services: ServiceName[]): Promise<DurableDatabases> {
  const folder = mkdtempSync(join(tmpdir(), 'rhei-bench-'));
  const cluster = await startCluster({ folder });
  const opened = new Map<ServiceName, { url: string; database: ServiceDatabase }>();
  for (const service of services) {
    await cluster.createRole(`rhei_${service}`, 'bench');
    await cluster.createDatabase(service, `rhei_${service}`);
    const url = cluster.urlFor(`rhei_${service}`, 'bench', service);
    const database = await ServiceDatabase.open({ service, url, log: createLogger('runtime', 'warn'), migrations: [...messagingMigrations, ...runtimeMigrations] });
    database.useClock(new SystemClock());
    opened.set(service, { url, database });
  }
  await cluster.createDatabase('log');
  await installPostgresLog(cluster.adminUrl('log'));
  return {
    of: (service) => opened.get(service)!,
    logUrl: (service) => cluster.urlFor(`rhei_${service}`, 'bench', 'log'),
    async close() {
      for (const { database } of opened.values()) await database.close();
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
