import { formatInstant } from '@rhei/expressions';
import { Command } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { table } from '../table';
import { describeVersion, readVersion, versionAsJson, versionNamed } from '../version';
import { causeOf } from './runs';

export function modelsCommand(context: Context): Command {
  const group = explained(new Command('models'), { purpose: 'Lists models, and the versions of one.', examples: ['rhei models list', 'rhei models versions churn'] });
  group.addCommand(explained(new Command('list'), { purpose: 'Lists models and their champions.', examples: ['rhei models list'] }).action(() => list(context)));
  group.addCommand(explained(new Command('versions'), { purpose: 'Lists the versions of a model and how they stand.', examples: ['rhei models versions churn'] })
    .argument('<model>').action((model: string) => versions(context, model)));
  group.addCommand(explained(new Command('show'), { purpose: 'Shows one version: where it comes from, its metrics and its gates.', examples: ['rhei models show churn 3'] })
    .argument('<model>').argument('[version]').action((model: string, version?: string) => show(context, model, version)));
  return group;
}

async function list(context: Context): Promise<void> {
  const { platform } = context;
  const { models } = await platform.ask(platform.registry, platform.registry.listModels, {});
  context.result(models, () => (models.length === 0 ? '' : table(
    [{ head: 'MODEL' }, { head: 'CHAMPION', right: true }, { head: 'RISK' }, { head: 'OWNER', cut: true }, { head: 'PURPOSE', cut: true }],
    models.map(({ name, champion, riskTier, owner, purpose }) => [name, champion === 0 ? 'none' : String(champion), riskTier, owner, purpose]), context.width,
  )));
  if (models.length === 0) context.suggest('There is no model yet. Apply one: rhei apply -f resources/');
}

async function versions(context: Context, model: string): Promise<void> {
  const { platform } = context;
  const found = (await platform.ask(platform.registry, platform.registry.listVersions, { model })).versions;
  context.result(found.map(versionAsJson), () => (found.length === 0 ? '' : table(
    [{ head: 'VERSION', right: true }, { head: 'STATE' }, { head: 'REGISTERED' }, { head: 'APPROVED BY' }, { head: 'CAUSE', cut: true }],
    found.map((one) => [String(one.version), one.state.replaceAll('_', ' '), formatInstant(one.registeredAt).slice(0, 16).replace('T', ' '), one.approvedBy || '-', causeOf(one.causeJson)]), context.width,
  )));
  const waiting = found.find(({ state }) => state === 'awaiting_approval');
  if (waiting !== undefined) context.suggest(`Version ${waiting.version} waits for a person: rhei approve ${model} ${waiting.version}`);
  if (found.length === 0) context.suggest(`Model "${model}" has no version yet.`);
}

async function show(context: Context, model: string, version: string | undefined): Promise<void> {
  const named = versionNamed(model, version);
  const found = await readVersion(context.platform, named.model, named.version);
  context.result(versionAsJson(found), () => describeVersion(found, context.width));
}
