import type { registry } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { Command } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { jsonIn } from '../json-in';
import { table } from '../table';
import { describeVersion, differenceOf, readVersion, versionAsJson, versionNamed } from '../version';
import { cardCommand, sheetCommand } from './model-card';
import { deprecateCommand, promoteCommand, restoreCommand } from './model-changes';
import { causeOf } from '../run-details';

export function modelsCommand(context: Context): Command {
  const group = explained(new Command('models'), {
    purpose: 'Lists models and their versions, shows what is known about one, and takes versions in and out of use.',
    examples: ['rhei models list', 'rhei models versions churn', 'rhei models card churn 3'],
  });
  group.addCommand(explained(new Command('list'), { purpose: 'Lists models and their champions.', examples: ['rhei models list', 'rhei models list --json'] }).action(() => list(context)));
  group.addCommand(explained(new Command('versions'), { purpose: 'Lists the versions of a model: how they stand, score and do.', examples: ['rhei models versions churn'] })
    .argument('<model>').action((model: string) => versions(context, model)));
  group.addCommand(explained(new Command('show'), { purpose: 'Shows one version: where it comes from, its metrics and its gates.', examples: ['rhei models show churn 3'] })
    .argument('<model>').argument('[version]').action((model: string, version?: string) => show(context, model, version)));
  for (const command of [cardCommand, sheetCommand, promoteCommand, deprecateCommand, restoreCommand]) group.addCommand(command(context));
  return group;
}

const day = (instant: number): string => formatInstant(instant).slice(0, 10);

async function list(context: Context): Promise<void> {
  const { platform } = context;
  const { models } = await platform.ask(platform.registry, platform.registry.listModels, {});
  const asJson = ({ championSince, ...model }: registry.Model) => ({ ...model, championSince: championSince === 0 ? null : formatInstant(championSince) });
  context.result(models.map(asJson), () => (models.length === 0 ? '' : table(
    [{ head: 'MODEL' }, { head: 'CHAMPION', right: true }, { head: 'SINCE' }, { head: 'VERSIONS', right: true }, { head: 'WAITING', right: true }, { head: 'RISK' }, { head: 'OWNER', cut: true }, { head: 'PURPOSE', cut: true }],
    models.map((one) => [
      one.name, one.champion === 0 ? 'none' : String(one.champion), one.championSince === 0 ? '-' : day(one.championSince), String(one.versions), String(one.awaitingApproval),
      one.riskTier, one.owner, one.purpose,
    ]), context.width,
  )));
  if (models.length === 0) context.suggest('There is no model yet. Apply one: rhei apply -f resources/');
  const waiting = models.find(({ awaitingApproval }) => awaitingApproval > 0);
  if (waiting !== undefined) context.suggest(`A version of ${waiting.name} waits for a person: rhei models versions ${waiting.name}`);
}

async function versions(context: Context, model: string): Promise<void> {
  const { platform } = context;
  const found = (await platform.ask(platform.registry, platform.registry.listVersions, { model })).versions;
  context.result(found.map(versionAsJson), () => (found.length === 0 ? '' : table(
    // Narrow heads: the state must not be cut where there are 80 columns.
    [{ head: 'V', right: true }, { head: 'STATE' }, { head: 'REGISTERED' }, { head: 'LOSS', right: true }, { head: 'VS CHAMP', right: true }, { head: 'LIVE IN', cut: true }, { head: 'HELPED' }, { head: 'CAUSE', cut: true }],
    found.map((one) => [
      String(one.version), one.state.replaceAll('_', ' '), day(one.registeredAt), lossOf(one), differenceOf(one, 'champion') ?? '-',
      one.live.map(({ deployment, role }) => (role === 'live' ? deployment : `${deployment} (${role})`)).join(', ') || '-', one.judgements.at(-1)?.verdict ?? '-', causeOf(one.causeJson),
    ]), context.width,
  )));
  const waiting = found.find(({ state }) => state === 'awaiting_approval');
  if (waiting !== undefined) context.suggest(`Version ${waiting.version} waits for a person: rhei approve ${model} ${waiting.version}`);
  if (found.length === 0) context.suggest(`Model "${model}" has no version yet.`);
}

function lossOf({ reportJson }: registry.ModelVersion): string {
  const logLoss = (jsonIn(reportJson) as { challenger?: { logLoss?: unknown } } | null)?.challenger?.logLoss;
  return typeof logLoss === 'number' ? logLoss.toFixed(4) : '-';
}

async function show(context: Context, model: string, version: string | undefined): Promise<void> {
  const named = versionNamed(model, version);
  const found = await readVersion(context.platform, named.model, named.version);
  context.result(versionAsJson(found), () => describeVersion(found, context.width));
  context.suggest(`All of it: rhei models card ${found.model} ${found.version}`);
}
