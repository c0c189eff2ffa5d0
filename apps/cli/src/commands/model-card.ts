import { Command } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { versionNamed } from '../version';

export const cardCommand = (context: Context): Command => explained(new Command('card'), {
  purpose: 'Prints the model card of a version as Markdown (--json: as JSON): what was measured, what was decided, what is not known.',
  examples: ['rhei models card churn 3', 'rhei models card churn 3 > card.md', 'rhei models card churn 3 --json'],
}).argument('<model>').argument('[version]', 'its number; MODEL/VERSION does as well')
  .action(async (model: string, version?: string) => {
    const { platform } = context;
    print(context, await platform.ask(platform.registry, platform.registry.getModelCard, versionNamed(model, version)));
  });

export const sheetCommand = (context: Context): Command => explained(new Command('sheet'), {
  purpose: 'Prints the data sheet of the rows that a version learned from, as Markdown (--json: as JSON).',
  examples: ['rhei models sheet churn 3', 'rhei models sheet churn 3 --json'],
}).argument('<model>').argument('[version]', 'its number; MODEL/VERSION does as well')
  .action(async (model: string, version?: string) => {
    const { platform } = context;
    print(context, await platform.ask(platform.registry, platform.registry.getDataSheet, versionNamed(model, version)));
  });

const print = (context: Context, { markdown, json }: { markdown: string; json: string }): void => context.result(JSON.parse(json), () => markdown);
