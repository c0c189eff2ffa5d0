import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ServiceName } from '@rhei/contracts';
import { openDatabase, type TestDatabase } from '@rhei/testing';
import { outstandingOf } from '../src';
import type { ChildOrders } from './crash-child';

/** A log that child processes can open, each as a service. */
export interface SharedLog {
  urlOf(service: ServiceName): string;
  /** The next offset of each partition that the consumer hears, where the log is not new. */
  heads?(): Promise<{ topic: string; partition: number; head: number }[]>;
  close(): Promise<void>;
}

const keys = ['source-a', 'source-b', 'source-c', '0', '1'];

/** A service that says and a service that hears, in child processes on a real log and a real database. Both keep what they did. */
export class CrashWorld {
  private readonly children: ChildProcess[] = [];
  private errors = '';
  private constructor(private readonly log: SharedLog, readonly database: TestDatabase) {}

  static async open(openLog: () => Promise<SharedLog>): Promise<CrashWorld> {
    const [log, database] = await Promise.all([openLog(), openDatabase()]);
    await database.query('CREATE TABLE key (key text PRIMARY KEY, seq int NOT NULL DEFAULT 0)');
    await database.query('CREATE TABLE effect (id bigserial PRIMARY KEY, key text, seq int, process int)');
    await database.query('INSERT INTO key (key) SELECT unnest($1::text[])', [keys]);
    for (const { topic, partition, head } of (await log.heads?.()) ?? []) {
      await database.query(`INSERT INTO position VALUES ('feature', $1, $2, $3)`, [topic, partition, head]);
    }
    return new CrashWorld(log, database);
  }

  start(orders: Pick<ChildOrders, 'events' | 'at' | 'pause'>): ChildProcess {
    const all: ChildOrders = { ...orders, database: this.database.url, sayer: this.log.urlOf('ingestion'), hearer: this.log.urlOf('feature') };
    const child = spawn(process.execPath, ['-r', join(__dirname, 'register.cjs'), join(__dirname, 'crash-child.ts')], {
      env: { ...process.env, CHILD: JSON.stringify(all), NODE_OPTIONS: '' }, stdio: ['ignore', 'inherit', 'pipe'],
    });
    child.stderr!.on('data', (text: Buffer) => (this.errors += text.toString()));
    this.children.push(child);
    return child;
  }

  /** Waits for the end of a child and tells how it came. */
  async ended(child: ChildProcess): Promise<string> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.signalCode ?? `exit ${child.exitCode}`;
  }

  /** Nothing lost, nothing doubled, each key in order, nothing set aside. */
  async expectOnceInOrder(): Promise<void> {
    const said = await this.database.query<{ key: string; seq: number }>('SELECT key, seq FROM key ORDER BY key');
    const effects = await this.database.query<{ key: string; seq: number }>('SELECT key, seq FROM effect ORDER BY id');
    const heard = said.map(({ key }) => ({ key, seqs: effects.filter((effect) => effect.key === key).map(({ seq }) => seq) }));
    expect(heard).toEqual(said.map(({ key, seq }) => ({ key, seqs: Array.from({ length: seq }, (_, i) => i + 1) })));
    expect(await outstandingOf(this.database)).toEqual({ unsent: 0, parked: 0, deadLetters: 0 });
    expect(this.errors).not.toMatch(/dead letter|Warning/);
  }

  async close(): Promise<void> {
    for (const child of this.children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await Promise.all(this.children.map((child) => this.ended(child)));
    await this.log.close();
    await this.database.close();
  }
}
