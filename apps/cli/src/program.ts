import { Command, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alarmsCommand } from './commands/alarms';
import { applyCommand } from './commands/apply';
import { approveCommand, rejectCommand } from './commands/approve';
import { auditCommand } from './commands/audit';
import { completeCommand, completionCommand } from './commands/completion';
import { deadLettersCommand } from './commands/dead-letters';
import { describeCommand } from './commands/describe';
import { featuresCommand } from './commands/features';
import { getCommand } from './commands/get';
import { helpCommand } from './commands/help';
import { modelsCommand } from './commands/models';
import { monitorsCommand } from './commands/monitors';
import { predictCommand } from './commands/predict';
import { predictionsCommand } from './commands/predictions';
import { quarantineCommand } from './commands/quarantine';
import { replayCommand } from './commands/replay';
import { rollbackCommand } from './commands/rollback';
import { runsCommand } from './commands/runs';
import { statusCommand } from './commands/status';
import { topCommand } from './commands/top';
import { topicsCommand } from './commands/topics';
import { traceCommand } from './commands/trace';
import { whyCommand } from './commands/why';
import type { Context, GlobalFlags } from './context';
import { explained, formatHelp } from './help';

/** The whole command line, as a list. */
export function programOf(context: Context): Command {
  const program = explained(new Command('rhei'), {
    purpose: 'Talks to a Rhei platform: declare what flows, see what happened, decide, and ask why.',
    examples: ['rhei apply -f resources/', 'rhei status', 'rhei why prediction p-s12'],
  })
    .version((JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as { version: string }).version, '--version', 'print the version')
    .helpOption('-h, --help', 'show how a command is called')
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name(), formatHelp })
    .configureOutput({
      writeOut: (text) => void context.terminal.stdout.write(text),
      // The help of a group that was named alone; a program is told in JSON what it lacks.
      writeErr: (text) => void (context.json || context.terminal.stderr.write(text)),
      getOutHelpWidth: () => context.terminal.stdout.columns ?? 80,
      getErrHelpWidth: () => context.terminal.stderr.columns ?? 80,
      // Told once, by run(), in the form that was asked for.
      outputError: () => undefined,
    })
    .exitOverride()
    .option('--url <url>', 'HTTP address of the platform (else RHEI_URL, else the data folder)')
    .option('--grpc <host:port>', 'gRPC address (else RHEI_GRPC, else the port after the HTTP port)')
    .option('--token-file <file>', 'file with the token, or with tokens by principal; "-" is standard input')
    .addOption(new Option('--token <token>', 'the token itself (else RHEI_TOKEN, else the data folder); shows in process lists'))
    .option('--as <name>', 'principal of the token file to speak as (default: admin)')
    .option('--data <dir>', 'data folder of an embedded platform (else RHEI_DATA, else .rhei)')
    .option('--json', 'print JSON; a failure too')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong call or files, 3 not found, 4 not allowed,\n5 conflict, 6 gate not met, 7 not available, 130 interrupted.')
    .hook('preAction', (_, action) => {
      context.flags = action.optsWithGlobals<GlobalFlags>();
    });
  program.commandsGroup('Declare and use:');
  add(program, applyCommand(context), getCommand(context), predictCommand(context), replayCommand(context), topicsCommand(context));
  program.commandsGroup('Look and ask:');
  add(program, statusCommand(context), topCommand(context), describeCommand(context), featuresCommand(context), runsCommand(context), modelsCommand(context), monitorsCommand(context), alarmsCommand(context), predictionsCommand(context), quarantineCommand(context), whyCommand(context), traceCommand(context));
  program.commandsGroup('Decide and prove:');
  add(program, approveCommand(context), rejectCommand(context), rollbackCommand(context), deadLettersCommand(context), auditCommand(context));
  program.commandsGroup('Your shell:');
  add(program, helpCommand(() => program), completionCommand(context));
  program.addCommand(completeCommand(context, () => program).copyInheritedSettings(program), { hidden: true });
  return program;
}

function add(program: Command, ...commands: Command[]): void {
  for (const command of commands) {
    for (const one of [command, ...command.commands]) one.copyInheritedSettings(program);
    program.addCommand(command);
  }
}
