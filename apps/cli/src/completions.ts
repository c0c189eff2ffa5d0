import type { Argument, Command, Option } from 'commander';
import { kinds } from './apply-files';
import { serviceNames } from '@rhei/contracts';

export interface Candidate { word: string; about: string }
/** What may stand at the end of a command line: known words, or names that the platform has to be asked for. */
export type Completion =
  | { kind: 'words'; candidates: Candidate[] }
  | { kind: 'resources'; of: string }
  | { kind: 'versions'; model: string }
  | { kind: 'files' };

export interface Completed {
  completion: Completion;
  /** What was typed of the last word. */
  typed: string;
  /** The global options of the line with their values, by name as in `GlobalFlags`. */
  flags: Record<string, string>;
}

/** The kind of resource that an argument or an option's value of this name names. */
const named: Record<string, string> = { model: 'Model', plan: 'TrainingPlan', deployment: 'Deployment', monitor: 'Monitor', source: 'Source', view: 'FeatureView', set: 'FeatureSet', 'feature-set': 'FeatureSet' };

const words = (list: readonly string[], about = ''): Completion => ({ kind: 'words', candidates: list.map((word) => ({ word, about })) });
const nothing = words([]);

/** What may come at the end of the line; `line` is what follows the name of the program, its last word being typed and perhaps empty. */
export function completionOf(program: Command, line: readonly string[]): Completed {
  const typed = line.at(-1) === '=' ? '' : (line.at(-1) ?? '');
  const flags: Record<string, string> = {};
  const positional: string[] = [];
  let command = program;
  let open: Option | undefined;
  for (const word of line.slice(0, -1)) {
    if (word === '=') continue;
    if (word.startsWith('-')) {
      const [name, value] = word.split(/=(.*)/s, 2);
      const option = [...command.options, ...program.options].find(({ long, short }) => long === name || short === name);
      open = option !== undefined && takesValue(option) && value === undefined ? option : undefined;
      if (option !== undefined && value !== undefined && program.options.includes(option)) flags[option.attributeName()] = value;
      continue;
    }
    if (open !== undefined) {
      if (program.options.includes(open)) flags[open.attributeName()] = word;
      if (!open.variadic) open = undefined;
      continue;
    }
    const next: Command | undefined = positional.length > 0 ? undefined : command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined) positional.push(word);
    else command = next;
  }
  const completion = open !== undefined && !typed.startsWith('-') ? valueOf(open) : typed.startsWith('-') ? optionsOf(program, command, line) : argumentOf(command, positional);
  return { completion, typed, flags };
}

const takesValue = (option: Option): boolean => option.required || option.optional;

function optionsOf(program: Command, command: Command, line: readonly string[]): Completion {
  const given = new Set(line.slice(0, -1));
  const all = [...new Set([...command.options, ...program.options])].filter(({ long, hidden, variadic }) => long !== undefined && long !== null && !hidden && (variadic || !given.has(long)));
  return { kind: 'words', candidates: [...all.map(({ long, description }) => ({ word: long!, about: description })), { word: '--help', about: 'show how a command is called' }] };
}

function valueOf({ argChoices, flags, long }: Option): Completion {
  if (argChoices !== undefined) return words(argChoices);
  return byName(/[<[]([\w-]+)/.exec(flags)?.[1] ?? long ?? '', []);
}

function argumentOf(command: Command, positional: readonly string[]): Completion {
  if (command.commands.length > 0 && positional.length === 0) {
    const visible = command.createHelp().visibleCommands(command).filter((one) => one.name() !== 'help');
    return { kind: 'words', candidates: visible.map((one) => ({ word: one.name(), about: one.description() })) };
  }
  const argument: Argument | undefined = command.registeredArguments[positional.length] ?? command.registeredArguments.filter(({ variadic }) => variadic).at(-1);
  if (argument === undefined) return nothing;
  if (argument.argChoices !== undefined) return words(argument.argChoices);
  const listed = /^one of ([\w, -]+)/.exec(argument.description)?.[1];
  return listed === undefined ? byName(argument.name(), positional) : words(listed.split(', '));
}

function byName(name: string, positional: readonly string[]): Completion {
  const of = named[name];
  if (of !== undefined) return { kind: 'resources', of };
  switch (name) {
    case 'kind': return words(kinds);
    case 'service': return words(serviceNames);
    case 'name': {
      const kind = kinds.find((one) => [one.toLowerCase(), `${one.toLowerCase()}s`].includes((positional[0] ?? '').toLowerCase().replaceAll(/[-_]/g, '')));
      return kind === undefined ? nothing : { kind: 'resources', of: kind };
    }
    case 'version': return positional[0] === undefined ? nothing : { kind: 'versions', model: positional[0] };
    case 'file': case 'path': case 'dir': case 'story': return { kind: 'files' };
    default: return nothing;
  }
}
