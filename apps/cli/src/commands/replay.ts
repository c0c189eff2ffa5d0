import { Command, InvalidArgumentError } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { positive } from '../option-values';

interface Options {
  rows?: number;
  seed?: number;
  report?: string;
  reportDir?: string;
  plan?: boolean;
  tokens?: string;
  state?: string;
  shuffleDays?: boolean;
}

export function replayCommand(context: Context): Command {
  return explained(new Command('replay'), {
    purpose: 'Replays a story through a platform whose clock is virtual; an interrupted story goes on where it stopped.',
    examples: ['rhei replay story.yaml', 'rhei replay story.yaml --rows 1000 --report report.json --report-dir report', 'rhei replay story.yaml --plan'],
  })
    .argument('<story>', 'the YAML file of the story')
    .option('--rows <n>', 'thin the table to so many rows (default: as the story says)', positive)
    .option('--seed <n>', 'take other rows and other faults (default: the story\'s own)', wholeNumber)
    .option('--report <file>', 'write counts, digests, versions and timeline as JSON')
    .option('--report-dir <dir>', 'write the report as a page of Markdown with plots, report.md')
    .option('--plan', 'print what would be sent, and do nothing')
    .option('--tokens <file>', 'JSON file of tokens by principal (default: the data folder\'s)')
    .option('--state <file>', 'where the progress is kept (default: in the data folder)')
    .option('--shuffle-days', 'the control: the days shuffled, and nothing that the story binds to a date')
    .action((story: string, options: Options) => start(context, story, options));
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError(`Expected a whole number from 0 on, got "${text}".`);
  return Number(text);
}

async function start(context: Context, story: string, options: Options): Promise<void> {
  const { terminal, flags } = context;
  // DuckDB is loaded for a story only.
  const { replay } = await import('../replay/index.js');
  const tokenFile = flags.tokenFile ?? options.tokens;
  const words = context.json && options.plan !== true ? terminal.stderr : terminal.stdout;
  const report = await replay({ ...flags, ...options, tokenFile, story }, terminal.env, words, terminal.stderr);
  if (context.json && report !== undefined) context.result(report, () => '');
}
