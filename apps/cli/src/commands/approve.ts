import { Command } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { describeVersion, readVersion, versionAsJson, versionNamed } from '../version';

interface Options {
  digest?: string;
  comment: string;
  yes?: boolean;
}

export function approveCommand(context: Context): Command {
  return explained(new Command('approve'), {
    purpose: 'Approves a version, bound to the digest of its artifact; it shows what it approves.',
    examples: ['rhei approve churn 3', 'rhei approve churn 3 --digest SHA256 --comment "checked with operations"'],
  })
    .argument('<model>').argument('[version]', 'its number; MODEL/VERSION does as well')
    .option('--digest <sha256>', 'the artifact that was looked at; without it the present one is shown and asked for')
    .option('--comment <text>', 'stays with the decision', '')
    .option('--yes', 'do not ask')
    .action((model: string, version: string | undefined, options: Options) => approve(context, model, version, options));
}

async function approve(context: Context, model: string, version: string | undefined, { digest, comment, yes }: Options): Promise<void> {
  const named = versionNamed(model, version);
  const { platform } = context;
  const found = await readVersion(platform, named.model, named.version);
  if (!context.json) context.terminal.stderr.write(`${describeVersion(found, context.width)}\n`);
  if (digest === undefined && yes !== true) await context.confirm(`Approve ${found.model}/${found.version}?`);
  const { version: approved } = await platform.ask(platform.registry, platform.registry.approveVersion, { ...named, digest: digest ?? found.digest, comment });
  context.result(versionAsJson(approved!), () => `${approved!.model}/${approved!.version} was approved by ${approved!.approvedBy}; it is ${approved!.state.replaceAll('_', ' ')}.\n`);
  context.suggest(`Why: rhei why version ${approved!.model}/${approved!.version}`);
}

export function rejectCommand(context: Context): Command {
  return explained(new Command('reject'), { purpose: 'Rejects a version for good, with a reason.', examples: ['rhei reject churn 3 --reason "trained on the wrong month"'] })
    .argument('<model>').argument('[version]', 'its number; MODEL/VERSION does as well')
    .requiredOption('--reason <text>', 'why; stays with the decision')
    .option('--digest <sha256>', 'the artifact that was looked at; default: the present one')
    .action((model: string, version: string | undefined, options: { reason: string; digest?: string }) => reject(context, model, version, options));
}

async function reject(context: Context, model: string, version: string | undefined, { reason, digest }: { reason: string; digest?: string }): Promise<void> {
  const named = versionNamed(model, version);
  const { platform } = context;
  const bound = digest ?? (await readVersion(platform, named.model, named.version)).digest;
  const { version: rejected } = await platform.ask(platform.registry, platform.registry.rejectVersion, { ...named, digest: bound, reason });
  context.result(versionAsJson(rejected!), () => `${rejected!.model}/${rejected!.version} was rejected by ${rejected!.rejectedBy}: ${rejected!.reason}\n`);
}
