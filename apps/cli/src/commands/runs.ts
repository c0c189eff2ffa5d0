import type { training } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { Command } from 'commander';
import { jsonIn } from '../json-in';
import type { Context } from '../context';
import { explained } from '../help';
import { pairs, table } from '../table';

export function runsCommand(context: Context): Command {
  const group = explained(new Command('runs'), { purpose: 'Lists training runs, or starts one.', examples: ['rhei runs list', 'rhei runs start churn --reason "new market"'] });
  group.addCommand(explained(new Command('list'), { purpose: 'Lists training runs, oldest first.', examples: ['rhei runs list', 'rhei runs list --model churn'] })
    .option('--model <model>', 'only runs for this model')
    .action(({ model }: { model?: string }) => list(context, model ?? '')));
  group.addCommand(explained(new Command('start'), { purpose: 'Starts a run of a training plan now.', examples: ['rhei runs start churn --reason "new market"'] })
    .argument('<plan>')
    .option('--reason <text>', 'why; stays with the run and the version', 'started by hand')
    .option('--id <id>', 'the same id starts one run, however often it is sent')
    .action((plan: string, { reason, id }: { reason: string; id?: string }) => start(context, plan, reason, id ?? '')));
  return group;
}

const asJson = ({ causeJson, reportJson, asOf, ...run }: training.Run) => ({ ...run, asOf: formatInstant(asOf), cause: jsonIn(causeJson), report: jsonIn(reportJson) });

export function causeOf(causeJson: string): string {
  const { kind, reason } = (jsonIn(causeJson) ?? {}) as { kind?: string; reason?: string };
  return `${kind ?? 'unknown'}${reason ? `: ${reason}` : ''}`;
}

async function list(context: Context, model: string): Promise<void> {
  const { platform } = context;
  const { runs } = await platform.ask(platform.training, platform.training.listRuns, { model });
  const how = ({ state, progress, failure }: training.Run): string => (state === 'running' ? `running ${(100 * progress).toFixed(0)} %` : failure === '' ? state : `${state}: ${failure}`);
  context.result(runs.map(asJson), () => (runs.length === 0 ? '' : table(
    [{ head: 'RUN' }, { head: 'PLAN', cut: true }, { head: 'AS OF' }, { head: 'STATE', cut: true }, { head: 'CAUSE', cut: true }],
    runs.map((run) => [run.id, run.plan, formatInstant(run.asOf).slice(0, 16).replace('T', ' '), how(run), causeOf(run.causeJson)]), context.width,
  )));
  if (runs.length === 0) context.suggest('There is no run yet. Start one: rhei runs start PLAN');
}

async function start(context: Context, plan: string, reason: string, requestId: string): Promise<void> {
  const { platform } = context;
  const { run } = await platform.ask(platform.training, platform.training.startRun, { plan, reason, requestId });
  context.result(asJson(run!), () => pairs([['run', run!.id], ['plan', run!.plan], ['model', run!.model], ['state', run!.state], ['as of', formatInstant(run!.asOf)]]));
  context.suggest(`How it goes: rhei runs list --model ${run!.model}`);
}
