import type { training } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { Command, Option } from 'commander';
import { randomUUID } from 'node:crypto';
import type { Context } from '../context';
import { explained } from '../help';
import { minute } from '../minute';
import { asOptions, positive } from '../option-values';
import { comparisonAsJson, describeComparison, differenceTable } from '../run-comparison';
import { causeOf, describeRun, runAsJson, stateOf } from '../run-details';
import { followReproduction, followRun } from '../run-progress';
import { pairs, table } from '../table';

interface StartOptions {
  reason: string;
  id?: string;
  wait?: boolean;
  cache: boolean;
}

export function runsCommand(context: Context): Command {
  const group = explained(new Command('runs'), {
    purpose: 'Lists training runs, starts, cancels, compares and reproduces them.',
    examples: ['rhei runs list', 'rhei runs start churn --reason "new market" --wait', 'rhei runs compare 3f0c… 9a41…', 'rhei runs reproduce 3f0c…'],
  });
  group.addCommand(explained(new Command('list'), { purpose: 'Lists training runs, the newest first.', examples: ['rhei runs list', 'rhei runs list --plan churn --state failed --limit 20'] })
    .option('--model <model>', 'only runs for this model', '')
    .option('--plan <plan>', 'only runs of this plan', '')
    .addOption(new Option('--state <state>', 'only runs in this state; "open" is waiting or running').choices(['open', 'waiting', 'running', 'succeeded', 'failed', 'cancelled']))
    .option('--limit <n>', 'how many', positive, 50)
    .option('--after <run>', 'go on after this run', '')
    .action(({ state = '', ...query }: Omit<training.ListRunsRequest, 'state'> & { state?: string }) => list(context, { ...query, state })));
  group.addCommand(explained(new Command('show'), { purpose: 'Shows one run: what made it, how it scored against whom, slices and leaks.', examples: ['rhei runs show 3f0c9b2a4d5e6f70'] })
    .argument('<run>').action((run: string) => show(context, run)));
  group.addCommand(explained(new Command('start'), { purpose: 'Starts a run of a training plan now.', examples: ['rhei runs start churn --reason "new market" --wait', 'rhei runs start churn --no-cache'] })
    .argument('<plan>')
    .option('--wait', 'show how far it is, and end with it')
    .option('--reason <text>', 'why; stays with the run and the version', 'started by hand')
    .option('--no-cache', 'fit also where an earlier run had the same inputs')
    .option('--id <id>', 'the same id starts one run, however often it is sent')
    .action((plan: string, options: StartOptions) => start(context, plan, options)));
  group.addCommand(explained(new Command('cancel'), { purpose: 'Ends an open run and its process; it brings no version.', examples: ['rhei runs cancel 3f0c9b2a4d5e6f70'] })
    .argument('<run>').action((run: string) => cancel(context, run)));
  group.addCommand(explained(new Command('compare'), { purpose: 'Shows in what two runs differ, causes first, and how their models differ on the same rows.', examples: ['rhei runs compare 3f0c9b2a4d5e6f70 9a41d2e8b7c65f03'] })
    .argument('<run>').argument('<other>').action((run: string, other: string) => compare(context, run, other)));
  group.addCommand(explained(new Command('reproduce'), {
    purpose: 'Fits a run again from what it recorded and says whether model and report are the same, or what differs first. It registers nothing.',
    examples: ['rhei runs reproduce 3f0c9b2a4d5e6f70'],
  }).argument('<run>').option('--id <id>', 'the same id starts one, however often it is sent')
    .action((run: string, { id }: { id?: string }) => reproduce(context, run, id ?? randomUUID())));
  return group;
}

async function list(context: Context, query: training.ListRunsRequest): Promise<void> {
  const { platform } = context;
  const { runs, total } = await platform.ask(platform.training, platform.training.listRuns, query);
  context.result({ total, runs: runs.map(runAsJson) }, () => (runs.length === 0 ? '' : table(
    [{ head: 'RUN' }, { head: 'PLAN', cut: true }, { head: 'AS OF' }, { head: 'STATE', cut: true }, { head: 'CAUSE', cut: true }],
    runs.map((run) => [run.id, run.plan, minute(run.asOf), stateOf(run), causeOf(run.causeJson)]), context.width,
  )));
  if (runs.length === 0) context.suggest(query.after !== '' ? 'There is no more.' : 'There is no run like that. Start one: rhei runs start PLAN');
  else if (runs.length === query.limit && runs.length < total) context.suggest(`${runs.length} of ${total}. Go on: rhei runs list${asOptions({ ...query, after: runs.at(-1)!.id })}`);
  else context.suggest(`Look at one: rhei runs show ${runs[0].id}`);
}

async function show(context: Context, id: string): Promise<void> {
  const { platform } = context;
  const { run } = await platform.ask(platform.training, platform.training.getRun, { run: id });
  context.result(runAsJson(run!), () => describeRun(run!, context.width));
}

async function start(context: Context, plan: string, { reason, id, wait, cache }: StartOptions): Promise<void> {
  const { platform } = context;
  const { run } = await platform.ask(platform.training, platform.training.startRun, { plan, reason, requestId: id ?? '', noCache: !cache });
  if (wait !== true) {
    context.result(runAsJson(run!), () => pairs([['run', run!.id], ['plan', run!.plan], ['model', run!.model], ['state', run!.state], ['as of', formatInstant(run!.asOf)]]));
    return context.suggest(`How it goes: rhei runs show ${run!.id}`);
  }
  const ended = await followRun(context, run!);
  context.result(runAsJson(ended), () => describeRun(ended, context.width));
  if (ended.state !== 'succeeded') context.exitCode = 1;
}

async function cancel(context: Context, id: string): Promise<void> {
  const { platform } = context;
  const { run } = await platform.ask(platform.training, platform.training.cancelRun, { run: id });
  context.result(runAsJson(run!), () => `Run ${run!.id} of plan ${run!.plan} is cancelled. It brings no version.\n`);
}

async function compare(context: Context, a: string, b: string): Promise<void> {
  const { platform } = context;
  const comparison = await platform.ask(platform.training, platform.training.compareRuns, { a, b });
  context.result(comparisonAsJson(comparison), () => describeComparison(comparison, context.width));
}

async function reproduce(context: Context, run: string, requestId: string): Promise<void> {
  const { platform } = context;
  const { reproduction } = await platform.ask(platform.training, platform.training.reproduceRun, { run, requestId });
  const ended = await followReproduction(context, reproduction!);
  context.result(ended, () => verdictOf(ended, context.width));
  if (ended.state !== 'same') context.exitCode = 1;
}

function verdictOf({ run, state, differences, failure, artifactDigest }: training.Reproduction, width: number): string {
  if (state === 'same') return `Run ${run} gives the same model and report again: ${artifactDigest}\n`;
  if (state === 'failed') return `Run ${run} could not be fitted again: ${failure}\n`;
  return `Run ${run} does not come out the same. It parts first in ${differences[0]?.what ?? 'nothing that is recorded'}.\n\n${differenceTable(differences, ['RECORDED', 'AGAIN'], width)}`;
}
