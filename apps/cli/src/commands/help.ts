import { RheiError } from '@rhei/contracts';
import { Command } from 'commander';
import { explained } from '../help';
import { nearest } from '../nearest';

/** `program`: asked when somebody does, for it holds this command too. */
export function helpCommand(program: () => Command): Command {
  return explained(new Command('help'), { purpose: 'Shows how a command is called, as --help behind it does.', examples: ['rhei help', 'rhei help runs start'] })
    .argument('[command...]', 'a command, and one of its own')
    .action((words: string[]) => void words.reduce(commandIn, program()).outputHelp());
}

function commandIn(group: Command, word: string): Command {
  const found = group.commands.find((one) => one.name() === word || one.aliases().includes(word));
  if (found !== undefined) return found;
  const names = group.createHelp().visibleCommands(group).map((one) => one.name());
  const meant = nearest(word, names);
  throw new RheiError('invalid', `There is no command "${word}".`, {
    field: 'command', expected: names.length === 0 ? 'no further command' : `one of ${names.join(', ')}`, got: word, hint: meant === undefined ? '"rhei help" lists the commands' : `did you mean ${meant}?`,
  });
}
