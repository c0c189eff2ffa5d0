import { CommanderError } from 'commander';
import { Context, type Terminal } from './context';
import { describeFailure, exitCodeOf, failureAsJson } from './failure';
import { programOf } from './program';

/** Runs one command line and returns its exit code. Nothing is thrown: a failure is told on stderr. */
export async function run(args: string[], terminal: Terminal): Promise<number> {
  const context = new Context(terminal);
  // What is wrong with the call is told in the form that was asked for, too.
  context.flags = { json: args.includes('--json') };
  try {
    await programOf(context).parseAsync(args.length === 0 ? ['--help'] : args, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    // Help was asked for and has been printed, or stands there because a group of commands was named alone.
    if (error instanceof CommanderError && /^commander\.(help|version)/.test(error.code) && (error.exitCode === 0 || !context.json)) return exitCodeOf(error);
    terminal.stderr.write(`${(context.json ? failureAsJson : describeFailure)(error, context.target)}\n`);
    if (terminal.env.RHEI_DEBUG && error instanceof Error) terminal.stderr.write(`${error.stack}\n`);
    return exitCodeOf(error);
  } finally {
    context.close();
  }
}
