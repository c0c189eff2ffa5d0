import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import { Context, type Terminal } from './context';
import { examplesFor } from './help';
import { programOf } from './program';

const program = programOf(new Context({ env: {}, stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() } as unknown as Terminal));
const walk = (command: Command, path: string): [path: string, command: Command][] => [[path, command], ...command.commands.flatMap((one) => walk(one, `${path} ${one.name()}`))];
const all = walk(program, 'rhei');
/** The command that an example calls, and the options that it passes. */
function called(example: string): { command: Command; options: string[] } {
  const words = example.replace(/^source <\(|\)$/g, '').split(' | ')[0].split(' ');
  let command = program;
  for (const word of words.slice(1)) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
  }
  return { command, options: words.filter((word) => /^--?[a-z]/.test(word)) };
}

describe('every command', () => {
  it.each(all)('%s says what it is for, with an example that calls it', (path, command) => {
    expect(command.description()).toMatch(/^[A-Z].*\.$/s);
    expect(examplesFor(command).length).toBeGreaterThan(0);
    for (const example of examplesFor(command)) expect(example).toMatch(new RegExp(`(^|<\\()${path}( |\\)|$)`));
  });

  it.each(all)('%s has examples whose options exist', (_, command) => {
    for (const { command: meant, options } of examplesFor(command).map(called)) {
      const known = [...meant.options, ...program.options].flatMap(({ long, short }) => [long, short]);
      for (const option of options) expect(known).toContain(option.split('=')[0]);
      // A group alone does nothing: its examples call one of its commands.
      expect(meant.commands.map((one) => one.name())).toEqual([]);
    }
  });
});
