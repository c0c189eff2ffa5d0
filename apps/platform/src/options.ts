import { invalid } from '@rhei/contracts';
import { parseArgs } from 'node:util';

export interface Options {
  story: string;
  rows?: number;
  seed?: number;
  data: string;
  empty: boolean;
  once: boolean;
  report?: string;
  reportDir?: string;
  shuffleDays: boolean;
}

export const help = `Starts Rhei on this machine: six services in one process, with their own PostgreSQL.

  npm start                          replay half a year of flights through the whole loop, then stay up
  npm start -- --rows 150000         more of them
  npm start -- --empty               an empty platform on the system clock, to be used for real

Options
  --story FILE      another story (default: examples/flights/story.yaml)
  --rows N          rows of the story's table (default: what the story says)
  --seed N          other rows and other faults (default: the story's own seed)
  --once            end when the story is over; the exit code says whether its expectations hold
  --report FILE     write the story's report as JSON too (it is report.json in the data folder)
  --report-dir DIR  write the report as a page with plots too (it is report/report.md in the data folder)
  --shuffle-days    the control: the days shuffled, and nothing that the story binds to a date, so that nothing changes over time
  --empty           no story, system clock
  --data DIR        data folder (default: .rhei); a folder holds one story or one real platform
  --help            this text

Environment: HTTP_PORT (8080), GRPC_PORT (8081), LOG_LEVEL (warn); OTEL_EXPORTER_OTLP_ENDPOINT (http://localhost:4318) sends
traces to Jaeger, RHEI_JAEGER is where "rhei trace" finds them (port 16686 beside it). State stays in the data folder; "npm run reset" clears it.
`;

/** Reads the command line. Errors: `invalid`, naming the option. */
export function readOptions(args: string[], defaultStory: string): Options | 'help' {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        story: { type: 'string' }, rows: { type: 'string' }, seed: { type: 'string' }, data: { type: 'string' }, empty: { type: 'boolean' }, once: { type: 'boolean' },
        report: { type: 'string' }, 'report-dir': { type: 'string' }, 'shuffle-days': { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    throw invalid((error as Error).message.split('\n')[0], { hint: 'npm start -- --help lists the options' });
  }
  if (values.help === true) return 'help';
  const rows = values.rows === undefined ? undefined : Number(values.rows);
  if (rows !== undefined && (!Number.isSafeInteger(rows) || rows < 1)) throw invalid(`--rows ${values.rows} is no number of rows.`, { field: '--rows', expected: 'a whole number from 1 on', got: values.rows });
  const seed = values.seed === undefined ? undefined : Number(values.seed);
  if (seed !== undefined && !/^\d{1,9}$/.test(values.seed!)) throw invalid(`--seed ${values.seed} is no seed.`, { field: '--seed', expected: 'a whole number from 0 on', got: values.seed });
  const ofStory = (['story', 'rows', 'seed', 'once', 'report', 'report-dir', 'shuffle-days'] as const).filter((name) => values[name] !== undefined);
  if (values.empty === true && ofStory.length > 0) {
    throw invalid(`--empty starts without a story; ${ofStory.map((name) => `--${name}`).join(' and ')} ${ofStory.length === 1 ? 'belongs' : 'belong'} to one.`, { field: '--empty' });
  }
  return {
    story: values.story ?? defaultStory, rows, seed, data: values.data ?? '.rhei', empty: values.empty ?? false, once: values.once ?? false,
    report: values.report, reportDir: values['report-dir'], shuffleDays: values['shuffle-days'] ?? false,
  };
}
