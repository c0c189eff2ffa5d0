import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createDataSource, dumpSchema, entityDisagreements, type Service } from '@rhei/runtime';
import { openDatabase } from './database';

/** What a service's own migrations make, without the tables that every service has. Throws when its entities say otherwise. */
export async function schemaOf(service: Pick<Service, 'name' | 'migrations' | 'entities'>): Promise<string> {
  const [bare, full] = await Promise.all([openDatabase(), openDatabase(service)]);
  try {
    const common = new Set(blocksOf(await dumpSchema(bare)));
    if (service.entities) {
      const dataSource = await createDataSource({ url: full.url, name: 'schema', entities: service.entities }).initialize();
      const wrong = await entityDisagreements(dataSource).finally(() => dataSource.destroy());
      if (wrong.length > 0) throw new Error(`Entities and migrations of ${service.name} disagree. To fit the entities the database would need:\n${wrong.join('\n')}`);
    }
    return `${blocksOf(await dumpSchema(full)).filter((block) => !common.has(block)).join('\n\n')}\n`;
  } finally {
    await Promise.all([bare.close(), full.close()]);
  }
}

/** Compares {@link schemaOf} with the file under review; with RHEI_WRITE_SCHEMA=1 it writes the file. */
export async function checkSchema(service: Pick<Service, 'name' | 'migrations' | 'entities'>, path: string): Promise<void> {
  const schema = await schemaOf(service);
  if (process.env['RHEI_WRITE_SCHEMA'] === '1') return writeFileSync(path, schema);
  const reviewed = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (schema === reviewed) return;
  const lines = schema.split('\n');
  const before = reviewed.split('\n');
  const at = lines.findIndex((line, index) => line !== before[index]);
  throw new Error(`${path} is not what the migrations of ${service.name} make. First at line ${at + 1}: the file has "${before[at] ?? ''}", the database "${lines[at] ?? ''}". Run its spec with RHEI_WRITE_SCHEMA=1 and review the change.`);
}

/** Tables and functions stand a blank line apart. */
const blocksOf = (dump: string): string[] => dump.trim().split(/\n\n(?=CREATE )/);
