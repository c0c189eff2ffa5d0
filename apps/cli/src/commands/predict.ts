import { RheiError, type inference } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { onAnyReplica } from '../addresses';
import type { Context } from '../context';
import { explained } from '../help';
import { inferRequest, outputNumbers } from '../request-tensors';
import { pairs, table } from '../table';

interface Options {
  file?: string;
  id?: string;
}

interface Missing {
  row: number;
  name: string;
  why: string;
}

export function predictCommand(context: Context): Command {
  return explained(new Command('predict'), {
    purpose: 'Asks a deployment for a prediction; types come from the deployment.',
    examples: [
      'rhei predict renewals customer=c1 months=14 asked=2030-06-30T18:00:00Z',
      'rhei predict renewals -f request.json --id mine-1',
    ],
  })
    .argument('<deployment>')
    .argument('[field=value...]', 'the fields of the request')
    .option('-f, --file <file>', 'JSON object of fields, or a list of them; "-" is standard input')
    .option('--id <id>', 'id of the prediction: asked again, it gives the recorded answer')
    .action((deployment: string, fields: string[], options: Options) => predict(context, deployment, fields, options));
}

async function predict(context: Context, deployment: string, fields: string[], { file, id }: Options): Promise<void> {
  const rows = rowsOf(fields, file);
  const { platform } = context;
  const { target, inference: door } = platform;
  const { inputs } = await onAnyReplica(target, 'serving', () => platform.ask(door, door.modelMetadata, { name: deployment, version: '' }));
  // With an id of ours a question that is asked again, of another replica, is the same question.
  const request = inferRequest(deployment, inputs, rows, id ?? `p-${randomUUID()}`);
  const answer = answerOf(await onAnyReplica(target, 'serving', () => platform.ask(door, door.modelInfer, request, 10)));
  context.result({ deployment, ...answer }, () => text(answer, context.width));
  context.suggest(`Why: rhei why prediction ${answer.id}${rows.length === 1 ? '' : '/0'}`);
}

function rowsOf(fields: string[], file: string | undefined): Record<string, unknown>[] {
  if (file === undefined && fields.length === 0) throw new RheiError('invalid', 'The request has no fields.', { field: 'field=value', expected: 'fields of the request, or -f FILE', got: 'nothing', hint: 'name them as field=value, or in a file with -f FILE.json' });
  const given = fields.map((field) => {
    const cut = field.indexOf('=');
    if (cut < 1) throw new RheiError('invalid', `"${field}" is no field.`, { field: 'field=value', expected: 'NAME=VALUE', got: field, hint: 'a value with spaces needs quotes around it' });
    return [field.slice(0, cut), field.slice(cut + 1)] as const;
  });
  const twice = given.find(([name], at) => given.findIndex(([other]) => other === name) !== at);
  if (twice !== undefined) throw new RheiError('invalid', `The field "${twice[0]}" is there twice.`);
  const rows = file === undefined ? [{}] : readRows(file);
  // Fields of the command line stand over those of the file.
  return rows.map((row) => ({ ...row, ...Object.fromEntries(given) }));
}

function readRows(file: string): Record<string, unknown>[] {
  if (file !== '-' && !existsSync(file)) throw new RheiError('not_found', `There is no file ${file}.`, { field: '--file', expected: 'a file of JSON', got: file, hint: '"-" is standard input' });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8'));
  } catch (error) {
    throw new RheiError('invalid', `${file} is no JSON: ${(error as Error).message}`, { field: '--file', expected: 'JSON', got: file, hint: 'an object of fields, or a list of them' });
  }
  const rows = Array.isArray(value) ? value : [value];
  if (rows.length === 0 || rows.some((row) => typeof row !== 'object' || row === null || Array.isArray(row))) {
    throw new RheiError('invalid', `${file} holds no request.`, { field: '--file', got: file, hint: '{"months": 14} is one', expected: 'a JSON object of fields, or a list of such objects' });
  }
  return rows as Record<string, unknown>[];
}

interface Answer {
  id: string;
  version: string;
  asOf: string | null;
  predictions: Record<string, number>[];
  missingFeatures: Missing[];
}

function answerOf(response: inference.ModelInferResponse): Answer {
  const { id, modelVersion, parameters, outputs } = response;
  const asOf = parameters.as_of?.parameterChoice;
  const missing = parameters.missing_features?.parameterChoice;
  const columns = outputs.map(({ name }, at) => ({ name, values: outputNumbers(response, at) }));
  return {
    id, version: modelVersion, asOf: asOf?.$case === 'int64Param' ? formatInstant(asOf.value) : null,
    predictions: Array.from({ length: columns[0]?.values.length ?? 0 }, (_, row) => Object.fromEntries(columns.map(({ name, values }) => [name, values[row]]))),
    missingFeatures: missing?.$case === 'stringParam' ? (JSON.parse(missing.value) as Missing[]) : [],
  };
}

function text({ id, version, asOf, predictions, missingFeatures }: Answer, width: number): string {
  const missingIn = (row: number): string => missingFeatures.filter((one) => one.row === row).map(({ name, why }) => `${name} (${why})`).join(', ') || 'none';
  const shown = (value: number): string => value.toFixed(4);
  const about: [string, string][] = [['version', version === '0' ? 'none: the answer that its deployment declares' : version], ['as of', asOf ?? 'not said'], ['id', id]];
  if (predictions.length === 1) return pairs([...Object.entries(predictions[0]).map(([name, value]): [string, string] => [name, shown(value)]), ...about, ['missing', missingIn(0)]], width);
  const names = Object.keys(predictions[0] ?? {});
  return `${pairs(about)}\n${table(
    [{ head: 'ROW', right: true }, ...names.map((name) => ({ head: name.toUpperCase(), right: true })), { head: 'MISSING', cut: true }],
    predictions.map((outputs, row) => [String(row), ...names.map((name) => shown(outputs[name])), missingIn(row)]), width,
  )}`;
}
