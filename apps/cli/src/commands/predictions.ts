import type { serving } from '@rhei/contracts';
import { DAY, formatInstant, parseDuration } from '@rhei/expressions';
import { Command, Option } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { instant, positive } from '../option-values';
import { pairs, table } from '../table';

export function predictionsCommand(context: Context): Command {
  const group = explained(new Command('predictions'), {
    purpose: 'Shows what was answered and what other versions scored beside, and makes any of it once more.',
    examples: ['rhei predictions list --deployment renewals', 'rhei predictions show p-s12', 'rhei predictions replay p-s12'],
  });
  group.addCommand(explained(new Command('list'), {
    purpose: 'Lists predictions, the newest first.',
    examples: ['rhei predictions list --deployment renewals --limit 20', 'rhei predictions list --role shadow --from 2030-06-30T00:00:00Z'],
  })
    .option('--deployment <name>', 'only of this deployment', '')
    .addOption(new Option('--role <role>', 'only of this role (default: all that were answered)').choices(['live', 'canary', 'shadow', 'fallback', 'named', 'failed']))
    .option('--from <instant>', 'as of then or later', instant)
    .option('--to <instant>', 'as of before then', instant)
    .option('--limit <n>', 'how many', positive, 50)
    .action((options: ListOptions) => list(context, options)));
  group.addCommand(explained(new Command('show'), {
    purpose: 'Shows a prediction: the question, every feature with its age, the version that answered, and what others scored.',
    examples: ['rhei predictions show p-s12', 'rhei predictions show p-s12 --json'],
  }).argument('<id>').action((id: string) => show(context, id)));
  group.addCommand(explained(new Command('replay'), {
    purpose: 'Scores the features on record with the model file on record once more, and compares every bit; asks feature for the same instant again, too.',
    examples: ['rhei predictions replay p-s12', 'rhei predictions replay p-s12 3'],
  }).argument('<id>').argument('[version]', 'one that scored beside; default: the one that answered', positive)
    .action((id: string, version?: number) => replay(context, id, version ?? 0)));
  return group;
}

interface ListOptions {
  deployment: string;
  role?: string;
  from?: number;
  to?: number;
  limit: number;
}

const when = (time: number): string => formatInstant(time).slice(0, 19).replace('T', ' ');
const scoreOf = ({ outputs, error }: serving.Prediction): string => (error === '' ? Object.values(outputs).map((value) => value.toFixed(4)).join(' ') : 'failed');
const versionText = ({ version }: serving.Prediction): string => (version === 0 ? '-' : String(version));

const asJson = ({ asOf, exampleTime, requestJson, features, ...prediction }: serving.Prediction) => ({
  ...prediction, asOf: formatInstant(asOf), exampleTime: exampleTime === 0 ? null : formatInstant(exampleTime), request: JSON.parse(requestJson) as unknown,
  features: features.map(({ eventTime, ...value }) => ({ ...value, value: value.value ?? null, eventTime: eventTime === 0 ? null : formatInstant(eventTime) })),
});

async function list(context: Context, { deployment, role = '', from = 0, to = 0, limit }: ListOptions): Promise<void> {
  const { platform } = context;
  const { predictions } = await platform.ask(platform.serving, platform.serving.listPredictions, { deployment, from, to, role, limit });
  context.result(predictions.map((one) => ({ deployment: one.deployment, model: one.model, ...asJson(one.prediction!) })), () => (predictions.length === 0 ? '' : table(
    [{ head: 'AS OF' }, { head: 'ID', cut: true }, { head: 'DEPLOYMENT', cut: true }, { head: 'ROLE' }, { head: 'VERSION', right: true }, { head: 'SCORE', right: true }, { head: 'EXAMPLE', cut: true }],
    predictions.map(({ deployment: name, prediction }) => [when(prediction!.asOf), prediction!.id, name, prediction!.role, versionText(prediction!), scoreOf(prediction!), prediction!.example || '-']), context.width,
  )));
  if (predictions.length === 0) context.suggest('There are no predictions like that.');
  else context.suggest(`Look at one: rhei predictions show ${predictions[0].prediction!.id}`);
}

const units: [string, number][] = [['d', DAY], ['h', parseDuration('1h')], ['m', parseDuration('1m')], ['s', parseDuration('1s')]];

function ageOf(age: number): string {
  const [name, length] = units.find(([, one]) => age >= one) ?? ['us', 1];
  return `${Math.floor(age / length)}${name} old`;
}

/** What freshness says of a value that is absent or computed, by its number in the protocol. */
const freshnessText = ['', '', 'too old', 'never seen', 'from the request'];

async function show(context: Context, id: string): Promise<void> {
  const { platform } = context;
  const { deployment, model, prediction, beside } = await platform.ask(platform.serving, platform.serving.getPrediction, { id });
  context.result({ deployment, model, ...asJson(prediction!), beside: beside.map(asJson) }, () => described({ deployment, model }, prediction!, beside, context.width));
  context.suggest(`Make it once more: rhei predictions replay ${id}`);
}

function described({ deployment, model }: { deployment: string; model: string }, prediction: serving.Prediction, beside: serving.Prediction[], width: number): string {
  const { id, role, digest, example, asOf, requestJson, features, reason, error, traffic } = prediction;
  return [
    pairs([
      ['prediction', id], ['deployment', deployment], ['answered', role === 'fallback' ? `the declared answer, because of ${reason}` : `version ${prediction.version} of ${model} (${role})`],
      ['score', error === '' ? scoreOf(prediction) : `none: ${error}`], ['as of', formatInstant(asOf)], ['example', example || 'not said'], ['request', requestJson],
      ['model file', digest || 'none'], ['traffic', traffic === 0 ? 'of no plan' : `plan ${traffic}`],
    ], width),
    features.length === 0 ? '' : `\n${table([{ head: 'FEATURE', cut: true }, { head: 'VALUE', right: true }, { head: 'AGE' }], features.map(({ name, value, age, freshness }) =>
      [name, value === undefined ? 'missing' : String(value), freshness === 1 ? ageOf(age) : freshnessText[freshness] ?? '']), width)}`,
    beside.length === 0 ? '' : `\nBeside it\n${table([{ head: 'VERSION', right: true }, { head: 'ROLE' }, { head: 'SCORE', right: true }, { head: 'ERROR', cut: true }], beside.map((one) =>
      [versionText(one), one.role, scoreOf(one), one.error || '-']), width)}`,
  ].join('');
}

async function replay(context: Context, id: string, version: number): Promise<void> {
  const { platform } = context;
  const answer = await platform.ask(platform.serving, platform.serving.replayPrediction, { id, version }, 6);
  const { deployment, model, prediction, outputs, equal, featuresEqual, differences, notCompared } = answer;
  context.result({ id, deployment, model, version: prediction!.version, role: prediction!.role, recorded: prediction!.outputs, outputs, equal, featuresEqual, differences, notCompared: notCompared || null }, () => textOf(answer, context.width));
  // What does not come out the same is a finding, not a wrong call.
  if (!equal || (notCompared === '' && !featuresEqual)) context.exitCode = 1;
}

function textOf({ model, prediction, outputs, equal, featuresEqual, differences, notCompared }: serving.ReplayPredictionResponse, width: number): string {
  const { version, role, outputs: recorded, error, id } = prediction!;
  const score = role === 'fallback' ? 'the declared answer, which no model made'
    : error !== '' ? `version ${version} of ${model} had no score (${error}); now it gives ${JSON.stringify(outputs)}`
      : equal ? `version ${version} of ${model} gives the same bits: ${Object.entries(outputs).map(([name, value]) => `${name} ${value}`).join(', ')}`
        : `version ${version} of ${model} gave ${JSON.stringify(recorded)} and now gives ${JSON.stringify(outputs)}`;
  const features = notCompared !== '' ? `not compared: ${notCompared}` : featuresEqual ? 'the same as of the same instant' : differences.map(({ name, recorded: then, now }) => `${name} was ${then ?? 'missing'} and is ${now ?? 'missing'}`).join('; ');
  return pairs([['prediction', id], ['score', score], ['features', features]], width);
}
