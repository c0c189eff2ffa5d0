import type { registry } from '@rhei/contracts';
import { Command, InvalidArgumentError } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { describeVersion, readVersion, versionAsJson, versionNamed } from '../version';

const named = (command: Command): Command => command.argument('<model>').argument('[version]', 'its number; MODEL/VERSION does as well');

interface PromoteOptions { revision: number; despiteRollback?: boolean; reason: string; yes?: boolean }

export const promoteCommand = (context: Context): Command => named(explained(new Command('promote'), {
  purpose: 'Makes a version the champion: one that is registered, or a former champion to go back to. It shows the version and asks.',
  examples: ['rhei models promote churn 2', 'rhei models promote churn 3 --despite-rollback --reason "the guard was wrong"'],
}))
  .option('--revision <n>', 'the revision of the alias that was seen; another one means that somebody was quicker', revision, 0)
  .option('--despite-rollback', 'also one that was rolled back; asks for --reason')
  .option('--reason <text>', 'why; stays with the decision', '')
  .option('--yes', 'do not ask')
  .action((model: string, version: string | undefined, options: PromoteOptions) => promote(context, model, version, options));

async function promote(context: Context, model: string, version: string | undefined, { revision: expectedRevision, despiteRollback = false, reason, yes }: PromoteOptions): Promise<void> {
  const { platform } = context;
  const one = versionNamed(model, version);
  if (yes !== true) {
    const found = await readVersion(platform, one.model, one.version);
    if (!context.json) context.terminal.stderr.write(`${describeVersion(found, context.width)}\n`);
    await context.confirm(`Make ${found.model}/${found.version} the champion?`);
  }
  const answer = await platform.ask(platform.registry, platform.registry.promoteVersion, { ...one, expectedRevision, despiteRollback, reason });
  context.result({ ...versionAsJson(answer.version!), revision: answer.revision }, () => `${one.model}/${one.version} is champion as revision ${answer.revision}.\n`);
  context.suggest(`What becomes of it: rhei models versions ${one.model}`);
}

export const deprecateCommand = (context: Context): Command => named(explained(new Command('deprecate'), {
  purpose: 'Takes a version out of use: nobody can approve or promote it any more. The champion cannot be.',
  examples: ['rhei models deprecate churn 2 --reason "reads a field that ends in May"'],
})).requiredOption('--reason <text>', 'why; stays with the decision')
  .action(async (model: string, version: string | undefined, { reason }: { reason: string }) => {
    const { platform } = context;
    tell(context, (await platform.ask(platform.registry, platform.registry.deprecateVersion, { ...versionNamed(model, version), reason })).version!, `deprecated: ${reason}`);
  });

export const restoreCommand = (context: Context): Command => named(explained(new Command('restore'), {
  purpose: 'Takes a deprecation back: the version is again what it was.',
  examples: ['rhei models restore churn 2 --reason "the field stays"'],
})).requiredOption('--reason <text>', 'why; stays with the decision')
  .action(async (model: string, version: string | undefined, { reason }: { reason: string }) => {
    const { platform } = context;
    const { version: restored } = await platform.ask(platform.registry, platform.registry.restoreVersion, { ...versionNamed(model, version), reason });
    tell(context, restored!, `${restored!.state.replaceAll('_', ' ')} again`);
  });

const tell = (context: Context, version: registry.ModelVersion, what: string): void => context.result(versionAsJson(version), () => `${version.model}/${version.version} is ${what}.\n`);

function revision(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError(`Expected the number of a revision, got "${text}".`);
  return Number(text);
}
