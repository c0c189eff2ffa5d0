import { serviceNames } from '@rhei/contracts';
import { FeatureModule } from '@rhei/feature';
import { IngestionModule } from '@rhei/ingestion';
import { installPostgresLog } from '@rhei/messaging';
import { MonitoringModule } from '@rhei/monitoring';
import { RegistryModule } from '@rhei/registry';
import { isAlive, pause, processEnvironment, run, startCluster, type ClusterOptions, type EmbeddedCluster, type Environment, type Running, type Service } from '@rhei/runtime';
import { ServingModule } from '@rhei/serving';
import { TrainingModule } from '@rhei/training';
import { mkdirSync } from 'node:fs';
import type { Birth, DataFolder } from './data-folder';

/** The six services, in the order of the loop. */
export const modules: Service[] = [IngestionModule, FeatureModule, TrainingModule, RegistryModule, ServingModule, MonitoringModule];

export interface Embedded {
  running: Running;
  stop(): Promise<void>;
}

/** Starts the database server of the folder (or adopts the one that a killed platform left) and the six services on it. */
export async function startEmbedded(folder: DataFolder, birth: Birth, clockStart: string | undefined, tokens: Record<string, string>): Promise<Embedded> {
  const cluster = await startCluster(clusterOf(folder));
  const watch = new DatabaseWatch(folder, cluster);
  try {
    const environment = await prepare(cluster, folder, birth, clockStart, tokens);
    // What the user set counts more, but for what belongs to this folder.
    const running = await run(modules, { env: { LOG_LEVEL: 'warn', ...processEnvironment(), ...environment } });
    return {
      running,
      async stop() {
        await running.stop();
        await watch.stop();
      },
    };
  } catch (error) {
    await watch.stop();
    throw error;
  }
}

const clusterOf = (folder: DataFolder): ClusterOptions => ({ folder: folder.file('postgres'), maxConnections: 200 });

/** Starts the database server again when it ended by itself; the services wait unready and find it at its old address. */
class DatabaseWatch {
  private ending = false;
  private readonly watching: Promise<void>;
  private readonly timer = new AbortController();

  constructor(private readonly folder: DataFolder, private cluster: EmbeddedCluster) {
    this.watching = this.watch();
  }

  private async watch(): Promise<void> {
    while (!this.ending) {
      await pause(250, this.timer.signal);
      if (this.ending || isAlive(this.cluster.pid)) continue;
      process.stderr.write('The database server has ended; starting it again.\n');
      try {
        this.cluster = await startCluster({ ...clusterOf(this.folder), port: this.cluster.port });
      } catch (error) {
        process.stderr.write(`${(error as Error).message}\n`);
        await pause(1_000, this.timer.signal);
      }
    }
  }

  async stop(): Promise<void> {
    this.ending = true;
    this.timer.abort();
    await this.watching;
    await this.cluster.stop();
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
