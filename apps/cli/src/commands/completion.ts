import { RheiError } from '@rhei/contracts';
import { Argument, Command } from 'commander';
import { completionOf, type Completion } from '../completions';
import { scripts, shells, type Shell } from '../completion-scripts';
import type { Context } from '../context';
import { explained } from '../help';
import { ownerOf } from '../resource-state';

export function completionCommand(context: Context): Command {
  return explained(new Command('completion'), {
    purpose: 'Prints what makes a shell complete commands, options and names of resources.',
    examples: ['source <(rhei completion bash)', 'rhei completion zsh > ~/.zfunc/_rhei', 'rhei completion fish > ~/.config/fish/completions/rhei.fish'],
  })
    .addArgument(new Argument('<shell>', `one of ${shells.join(', ')}`).choices(shells))
    .action((shell: Shell) => context.result({ shell, script: scripts[shell] }, () => scripts[shell]));
}

/** Seconds that a shell may be kept waiting for names. */
const patience = 1;

/** What the shells' scripts ask; `program` is the whole command line. */
export function completeCommand(context: Context, program: () => Command): Command {
  return explained(new Command('__complete'), { purpose: 'Prints what may come next on a command line.', examples: ['rhei __complete -- models sh'] })
    .argument('[words...]')
    .action(async (line: string[]) => {
      const { completion, typed, flags } = completionOf(program(), line.length === 0 ? [''] : line);
      context.flags = { ...context.flags, ...flags };
      const candidates = (await candidatesOf(context, completion)).filter(({ word }) => word.startsWith(typed));
      context.terminal.stdout.write(candidates.map(({ word, about }) => `${word}${about === '' ? '' : `\t${about.replace(/\s+/g, ' ')}`}\n`).join(''));
    });
}

async function candidatesOf(context: Context, completion: Completion): Promise<{ word: string; about: string }[]> {
  if (completion.kind === 'words') return completion.candidates;
  if (completion.kind === 'files') return [];
  try {
    const { platform } = context;
    if (completion.kind === 'versions') {
      const { versions } = await platform.ask(platform.registry, platform.registry.listVersions, { model: completion.model }, patience);
      return versions.map(({ version, state }) => ({ word: String(version), about: state.replaceAll('_', ' ') }));
    }
    const { resources } = await platform.ask(platform.resources, platform.resources.listResources, { service: ownerOf[completion.of], kind: completion.of }, patience);
    return resources.filter(({ kind }) => kind === completion.of).map(({ name }) => ({ word: name, about: completion.of }));
  } catch (error) {
    // Whoever presses a key while no platform is there wants no message in the middle of the line.
    if (error instanceof RheiError) return [];
    throw error;
  }
}
