import { RheiError } from '@rhei/contracts';
import type { CommanderError } from 'commander';

interface Fault { field: string; expected: string; got: string }

const nothing = 'nothing';
// What the parser says, by its code; it keeps the words that it speaks of in its message alone.
const readers: Record<string, [pattern: RegExp, fault: (found: string[]) => Fault]> = {
  'commander.unknownOption': [/unknown option '(.+?)'/, ([option]) => ({ field: option, expected: 'an option that this command has', got: option })],
  'commander.unknownCommand': [/unknown command '(.+?)'/, ([command]) => ({ field: 'command', expected: 'a command that there is', got: command })],
  'commander.missingArgument': [/argument '(.+?)'/, ([argument]) => ({ field: argument, expected: 'a value', got: nothing })],
  'commander.optionMissingArgument': [/option '(.+?)'/, ([option]) => ({ field: option, expected: 'a value', got: nothing })],
  'commander.missingMandatoryOptionValue': [/option '(.+?)'/, ([option]) => ({ field: option, expected: 'a value', got: nothing })],
  'commander.excessArguments': [/Expected (\d+) arguments? but got (\d+)/, ([expected, got]) => ({ field: 'arguments', expected, got })],
};
const ofOption = /^option '(.+?)' argument '(.*?)' is invalid\. (.*)$/s;
const ofArgument = /^command-argument value '(.*?)' is invalid for argument '(.+?)'\. (.*)$/s;

/** What the parser of the command line refuses, as every other failure is told: where, what was expected, what came. */
export function wrongCall({ code, message: said }: CommanderError): RheiError {
  if (code === 'commander.help') return new RheiError('invalid', 'A group of commands does nothing by itself.', { field: 'command', expected: 'one of its commands', got: nothing, hint: 'add --help to see them' });
  const text = said.replace(/^error: /, '').replace(/\n\((.*)\)$/s, '. $1');
  const message = /[.?!]$/.test(text) ? text : `${text}.`;
  return new RheiError('invalid', message, { ...faultIn(code, message), hint: 'add --help to any command to see how it is called' });
}

function faultIn(code: string, message: string): Partial<Fault> {
  const option = ofOption.exec(message);
  if (option !== null) return { field: option[1], expected: wanted(option[3]), got: option[2] };
  const argument = ofArgument.exec(message);
  if (argument !== null) return { field: argument[2], expected: wanted(argument[3]), got: argument[1] };
  const [pattern, fault] = readers[code] ?? [];
  const found = pattern?.exec(message);
  return found && fault ? fault(found.slice(1)) : {};
}

/** "Expected a whole number above zero, got "all"." and "Allowed choices are a, b." without what stands there beside. */
const wanted = (text: string): string => text.replace(/^Allowed choices are /, 'one of ').replace(/^Expected /, '').replace(/[,;] got .*$/s, '').replace(/\.$/, '');
