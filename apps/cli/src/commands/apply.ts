import { runtime } from '@rhei/contracts';
import { Command } from 'commander';
import { applyPlanned, planFiles } from '../apply-files';
import type { Context } from '../context';
import { explained } from '../help';
import type { Paint } from '../paint';
import { cutTo } from '../table';

const words: Partial<Record<runtime.Action, string>> = { [runtime.Action.CREATE]: 'create', [runtime.Action.UPDATE]: 'update', [runtime.Action.NONE]: 'none' };

export function applyCommand(context: Context): Command {
  return explained(new Command('apply'), {
    purpose: 'Applies resources from YAML files: shows what changes, then changes it. Applied again, nothing changes.',
    examples: ['rhei apply -f resources/', 'rhei apply -f resources/ --plan'],
  })
    .requiredOption('-f, --file <path...>', 'YAML files, or folders of them')
    .option('--plan', 'show what would change, and stop')
    .option('--dry-run', 'the same as --plan')
    .option('--yes', 'on a terminal: change what is there already without asking')
    .action((options: { file: string[]; plan?: boolean; dryRun?: boolean; yes?: boolean }) => apply(context, options));
}

async function apply(context: Context, { file, plan, dryRun, yes }: { file: string[]; plan?: boolean; dryRun?: boolean; yes?: boolean }): Promise<void> {
  const { resources, target } = context.platform;
  const planned = await planFiles(resources, file, target.token);
  const changes = planned.changes.filter(({ action }) => action !== runtime.Action.NONE);
  const same = planned.changes.length - changes.length;
  if (!context.json) context.terminal.stdout.write(planText(planned.changes, context.paint, context.width));
  if (plan === true || dryRun === true || changes.length === 0) {
    if (context.json) context.result({ applied: false, changes: planned.changes.map(changeAsJson) }, () => '');
    else context.say(changes.length === 0 ? `Nothing to change: ${counted(same)} as in the files.` : `A plan: ${summary(changes, same)}. Nothing was applied.`);
    return;
  }
  if (context.interactive && yes !== true && changes.some(({ action }) => action === runtime.Action.UPDATE)) await context.confirm(`Apply: ${summary(changes, same)}?`);
  const applied = await applyPlanned(resources, planned, target.token);
  if (context.json) context.result({ applied: true, changes: applied.map(changeAsJson) }, () => '');
  else context.say(`Applied: ${summary(changes, same)}.`);
}

const counted = (n: number): string => (n === 1 ? '1 resource is' : `${n} resources are`);

function summary(changes: runtime.Change[], same: number): string {
  const count = (action: runtime.Action): number => changes.filter((change) => change.action === action).length;
  return [`${count(runtime.Action.CREATE)} created`, `${count(runtime.Action.UPDATE)} changed`, `${same} the same`].join(', ');
}

/** A line for each resource that changes, and below it what that means, and each field. */
export function planText(changes: runtime.Change[], paint: Paint, width: number): string {
  return changes.filter(({ action }) => action !== runtime.Action.NONE).map(({ kind, name, action, version, fields, notes }) => {
    const head = action === runtime.Action.CREATE ? paint('green', `+ ${kind}/${name}`) : paint('yellow', `~ ${kind}/${name}`);
    const lines = action === runtime.Action.CREATE ? [] : fields.flatMap(({ path, before, after }) => [
      `    ${path}`,
      ...(before === '' ? [] : [paint('red', cutTo(`      - ${before}`, width))]),
      ...(after === '' ? [] : [paint('green', cutTo(`      + ${after}`, width))]),
    ]);
    return `${[`${head}${version > 0 ? `  (version ${version})` : ''}`, ...notes.map((note) => cutTo(`    ${note}`, width)), ...lines].join('\n')}\n`;
  }).join('');
}

const changeAsJson = ({ kind, name, action, version, fields, notes }: runtime.Change) => ({ kind, name, action: words[action] ?? 'unknown', version, fields, notes });
