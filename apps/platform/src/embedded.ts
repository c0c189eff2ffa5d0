import { serviceNames } from '@rhei/contracts';
import { FeatureModule } from '@rhei/feature';
import { IngestionModule } from '@rhei/ingestion';
import { installPostgresLog } from '@rhei/messaging';
import { MonitoringModule } from '@rhei/monitoring';
import { RegistryModule } from '@rhei/registry';
import { processEnvironment, run, startCluster, type EmbeddedCluster, type Environment, type Running, type Service } from '@rhei/runtime';
import { ServingModule } from '@rhei/serving';
import { TrainingModule } from '@rhei/training';
import { mkdirSync } from 'node:fs';
import type { Birth, DataFolder } from './data-folder';

/** The six services, in the order of the loop. */
export const modules: Service[] = [IngestionModule, FeatureModule, TrainingModule, RegistryModule, ServingModule, MonitoringModule];

/** Of the database server: enough for the pools, leases and subscriptions of six services. */
const server = { maxConnections: 200 };

export interface Embedded {
  running: Running;
  stop(): Promise<void>;
}

/** Starts the database server of the folder (or adopts the one that a killed platform left) and the six services on it. */
export async function startEmbedded(folder: DataFolder, birth: Birth, clockStart: string | undefined, tokens: Record<string, string>): Promise<Embedded> {
  const cluster = await startCluster({ folder: folder.file('postgres'), ...server });
  // The services wait unready meanwhile, and find it at its old address.
  cluster.keepAlive(server, (message) => process.stderr.write(`${message}\n`));
  try {
    const environment = await prepare(cluster, folder, birth, clockStart, tokens);
    // What the user set counts more, but for what belongs to this folder.
    const running = await run(modules, { env: { LOG_LEVEL: 'warn', ...processEnvironment(), ...environment } });
    return {
      running,
      async stop() {
        await running.stop();
        await cluster.stop();
      },
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** A role and a database for each service, the log's own database, and the variables by which the services find them. */
async function prepare(cluster: EmbeddedCluster, folder: DataFolder, { clock }: Birth, clockStart: string | undefined, tokens: Record<string, string>): Promise<Environment> {
  const environment: Environment = {
    CLOCK: clock, CLOCK_START: clock === 'replay' ? clockStart : undefined, PRINCIPALS: folder.file('principals.json'), BLOBS: `file:${folder.file('blobs')}`,
  };
  mkdirSync(folder.file('blobs'), { recursive: true });
  await cluster.createDatabase('log');
  for (const name of serviceNames) {
    const password = folder.secret(`postgres.${name}`);
    await cluster.createRole(`rhei_${name}`, password);
    await cluster.createDatabase(name, `rhei_${name}`);
    const variable = name.toUpperCase();
    environment[`${variable}_DATABASE_URL`] = cluster.urlFor(`rhei_${name}`, password, name);
    environment[`${variable}_EVENT_LOG`] = cluster.urlFor(`rhei_${name}`, password, 'log');
    environment[`${variable}_TOKEN`] = tokens[name];
  }
  await installPostgresLog(cluster.adminUrl('log'));
  return environment;
}
