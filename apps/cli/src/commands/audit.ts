import { RheiError, serviceNames } from '@rhei/contracts';
import { Command } from 'commander';
import { existsSync, readFileSync } from 'node:fs';
import type { Context } from '../context';
import { explained } from '../help';
import { table } from '../table';

export function auditCommand(context: Context): Command {
  const group = explained(new Command('audit'), { purpose: 'Verifies the decisions of all services, or exports them.', examples: ['rhei audit verify', 'rhei audit export > audit.jsonl', 'rhei audit verify --file audit.jsonl'] });
  group.addCommand(explained(new Command('verify'), {
    purpose: 'Recomputes every hash of the six chains of decisions. Exit code 1 when one does not hold.',
    examples: ['rhei audit verify', 'rhei audit verify --file audit.jsonl'],
  })
    .option('--file <file>', 'verify an export instead, without a platform; "-" is standard input')
    .action(({ file }: { file?: string }) => verify(context, file)));
  group.addCommand(explained(new Command('export'), { purpose: 'Writes all decisions as JSON lines, to be verified elsewhere.', examples: ['rhei audit export > audit.jsonl'] })
    .action(() => exportAll(context)));
  return group;
}

// What recomputes a chain comes from the runtime, which takes a while to load: only these two commands pay for it.
const chains = async () => ({ ...(await import('../decisions.js')), ...(await import('../audit-file.js')) });

async function verify(context: Context, file: string | undefined): Promise<void> {
  const { readAudit, verifyAll } = await chains();
  const { chains: read, heads } = file === undefined ? { chains: await readAll(context), heads: {} } : readAudit(textOf(file), file);
  const verified = verifyAll(read, heads);
  const broken = verified.filter(({ fault }) => fault !== undefined);
  context.result({ verified: broken.length === 0, services: verified }, () => table(
    [{ head: 'SERVICE' }, { head: 'DECISIONS', right: true }, { head: 'VERDICT' }, { head: 'ENDS IN', cut: true }],
    verified.map(({ service, decisions, head, fault, sequence }) => [service, String(decisions), fault === undefined ? 'holds' : `BROKEN at ${sequence}`, head?.hash ?? '-']), context.width,
  ));
  for (const { service, sequence, fault } of broken) context.say(`${service}, decision ${sequence}: ${fault}.`);
  if (broken.length > 0) context.exitCode = 1;
  else context.suggest(`All ${serviceNames.length} chains hold. Keep their ends (--json) elsewhere: that shows a later cut.`);
}

async function exportAll(context: Context): Promise<void> {
  const { writeAudit } = await chains();
  for (const line of writeAudit(await readAll(context))) context.terminal.stdout.write(line);
}

async function readAll(context: Context) {
  const { platform } = context;
  const { readDecisions } = await chains();
  return readDecisions((request) => platform.ask(platform.operations, platform.operations.listDecisions, request));
}

function textOf(file: string): string {
  if (file !== '-' && !existsSync(file)) throw new RheiError('not_found', `There is no file ${file}.`, { field: '--file', expected: 'an export of the audit log', got: file, hint: 'make one with "rhei audit export > FILE"' });
  return readFileSync(file === '-' ? 0 : file, 'utf8');
}
