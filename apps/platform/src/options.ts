import { invalid } from '@rhei/contracts';
import { parseArgs } from 'node:util';

export interface Options {
  story: string;
  rows?: number;
  data: string;
  empty: boolean;
  once: boolean;
  report?: string;
  shuffleDays: boolean;
}

export const help = `Starts Rhei on this machine: six services in one process, with their own PostgreSQL.

  npm start                          replay 10,000 flights through the whole loop, then stay up
  npm start -- --rows 30000          more of them
  npm start -- --empty               an empty platform on the system clock, to be used for real

Options
  --story FILE      another story (default: examples/flights/story.yaml)
  --rows N          rows of the story's table (default: what the story says)
  --once            end when the story is over; the exit code says whether its expectations hold
  --report FILE     write the story's report as JSON
  --shuffle-days    the control: the same rows with their days shuffled, where nothing changes over time
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
        story: { type: 'string' }, rows: { type: 'string' }, data: { type: 'string' }, empty: { type: 'boolean' }, once: { type: 'boolean' },
        report: { type: 'string' }, 'shuffle-days': { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    throw invalid((error as Error).message.split('\n')[0], { hint: 'npm start -- --help lists the options' });
  }
  if (values.help === true) return 'help';
  const rows = values.rows === undefined ? undefined : Number(values.rows);
  if (rows !== undefined && (!Number.isSafeInteger(rows) || rows < 1)) throw invalid(`--rows ${values.rows} is no number of rows.`, { field: '--rows', expected: 'a whole number from 1 on', got: values.rows });
  if (values.empty === true && (values.story !== undefined || rows !== undefined || values.once === true)) {
    throw invalid('--empty starts without a story; --story, --rows and --once belong to one.', { field: '--empty' });
  }
  return {
    story: values.story ?? defaultStory, rows, data: values.data ?? '.rhei', empty: values.empty ?? false, once: values.once ?? false,
    report: values.report, shuffleDays: values['shuffle-days'] ?? false,
  };
}
