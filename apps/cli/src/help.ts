import type { Command, Help } from 'commander';

export interface Explained {
  /** One line: what it is for. */
  purpose: string;
  /** The usual call first. */
  examples: string[];
}

const examplesOf = new WeakMap<Command, string[]>();

/** Gives a command its purpose and its usual calls, with which its help begins. */
export function explained(command: Command, { purpose, examples }: Explained): Command {
  examplesOf.set(command, examples);
  return command.description(purpose).helpCommand(false);
}

/** The usual calls of a command, as its help shows them. */
export const examplesFor = (command: Command): string[] => examplesOf.get(command) ?? [];

/** Purpose, usual calls, then what can be named, in the order in which people need it. */
export function formatHelp(command: Command, helper: Help): string {
  const width = helper.padWidth(command, helper);
  const list = (heading: string, items: string[]): string[] => helper.formatItemList(heading, items, helper);
  const item = (term: string, description: string): string => helper.formatItem(term, width, description, helper);
  const commands = helper.groupItems([...command.commands], helper.visibleCommands(command), (one) => one.helpGroup() || 'Commands:');
  return [
    helper.boxWrap(helper.commandDescription(command), helper.helpWidth ?? 80), '',
    ...examplesFor(command).map((example) => `  ${example}`), '',
    `Usage: ${helper.commandUsage(command)}`, '',
    ...[...commands].flatMap(([group, members]) => list(group, members.map((one) => item(helper.subcommandTerm(one), helper.subcommandDescription(one))))),
    ...list('Arguments:', helper.visibleArguments(command).map((one) => item(helper.argumentTerm(one), helper.argumentDescription(one)))),
    ...list('Options:', helper.visibleOptions(command).map((one) => item(helper.optionTerm(one), helper.optionDescription(one)))),
    ...list('For every command:', helper.visibleGlobalOptions(command).map((one) => item(helper.optionTerm(one), helper.optionDescription(one)))),
  ].join('\n');
}
