import { feature, RheiError } from '@rhei/contracts';
import { DAY, formatDuration, formatInstant, HOUR, MINUTE, SECOND, type Duration, type Instant } from '@rhei/expressions';
import { Command } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { nearest } from '../nearest';
import { instant, positive } from '../option-values';
import type { Platform } from '../platform';
import { pairs, table } from '../table';

export function featuresCommand(context: Context): Command {
  const group = explained(new Command('features'), {
    purpose: 'Shows feature views and sets, the values of an entity, and the records that made one.',
    examples: ['rhei features list', 'rhei features get shop-7', 'rhei features explain sales-7d shop-7'],
  });
  group.addCommand(explained(new Command('list'), { purpose: 'Lists feature views and feature sets.', examples: ['rhei features list', 'rhei features list --json'] })
    .action(() => list(context)));
  group.addCommand(asOf(explained(new Command('get'), {
    purpose: 'Shows what is known about an entity: each value, how old it is, and whether it still holds.',
    examples: ['rhei features get shop-7', 'rhei features get shop-7 --view sales-7d --as-of 2030-06-30T18:00:00Z', 'rhei features get shop-7 --set churn'],
  })).argument('<entity>').option('--view <view>', 'only this view').option('--set <set>', 'only the views that this feature set reads')
    .action((entity: string, options: GetOptions) => get(context, entity, options)));
  group.addCommand(asOf(explained(new Command('explain'), {
    purpose: 'Shows the records that made a value, and those that a correction or withdrawal has put in their place.',
    examples: ['rhei features explain sales-7d shop-7', 'rhei features explain sales-7d shop-7 --as-of 2030-06-30T18:00:00Z --limit 100'],
  })).argument('<view>').argument('<entity>').option('--limit <n>', 'how many records, 1000 at most', positive, 20)
    .action((view: string, entity: string, options: AsOf & { limit: number }) => explain(context, view, entity, options)));
  return group;
}

interface AsOf {
  asOf?: Instant;
}
interface GetOptions extends AsOf {
  view?: string;
  set?: string;
}

const asOf = (command: Command): Command => command.option('--as-of <time>', 'as known at this instant (default: now)', instant);

const when = (instant: Instant): string | null => (instant === 0 ? null : formatInstant(instant));
const long = (duration: Duration): string | null => (duration === 0 ? null : formatDuration(duration));
/** An age in its two largest units: nobody reads the microseconds of days. */
function rough(age: Duration): string {
  const [unit, below] = age >= DAY ? [DAY, HOUR] : age >= HOUR ? [HOUR, MINUTE] : age >= MINUTE ? [MINUTE, SECOND] : [SECOND, 1];
  const rest = age % unit - (age % below);
  return [age - (age % unit), rest].filter((part) => part > 0).map(formatDuration).join(' ') || '0s';
}
/** Seconds are enough for a table. */
const short = (instant: Instant): string => (instant === 0 ? '-' : formatInstant(instant).slice(0, 19).replace('T', ' '));

const windowText = ({ aggregate, length, hop }: feature.Window): string => `${aggregate} ${length === 0 ? 'ever' : formatDuration(length)}${hop === 0 ? '' : `, hop ${formatDuration(hop)}`}`;
const windowJson = ({ aggregate, length, hop }: feature.Window): object => ({ aggregate, length: length === 0 ? 'ever' : formatDuration(length), hop: long(hop) });

const verdicts: Partial<Record<feature.Freshness, string>> = { [feature.Freshness.FRESH]: 'fresh', [feature.Freshness.EXPIRED]: 'expired', [feature.Freshness.MISSING]: 'missing' };
const standings: Partial<Record<feature.RecordStanding, string>> = {
  [feature.RecordStanding.COUNTS]: 'counts', [feature.RecordStanding.SUPERSEDED]: 'superseded', [feature.RecordStanding.WITHDRAWN]: 'withdrawn',
};

async function list(context: Context): Promise<void> {
  const { views, sets } = await context.platform.ask(context.platform.feature, context.platform.feature.listFeatures, {});
  context.result({
    views: views.map(({ window, ttl, ...view }) => ({ ...view, window: windowJson(window!), ttl: long(ttl) })),
    sets: sets.map(({ features, ...set }) => ({ ...set, features: features.map(({ name, view }) => ({ name, view: view || null })) })),
  }, () => [
    views.length === 0 ? '' : table([{ head: 'VIEW', cut: true }, { head: 'VERSION', right: true }, { head: 'OF', cut: true }, { head: 'WINDOW' }, { head: 'TTL' }, { head: 'ENTITIES', right: true }, { head: 'FROM', cut: true }],
      views.map((one) => [one.name, String(one.version), one.entity, windowText(one.window!), long(one.ttl) ?? 'none', String(one.entities), `${one.source}/${one.event}`]), context.width),
    sets.length === 0 ? '' : `\n${table([{ head: 'SET', cut: true }, { head: 'VERSION', right: true }, { head: 'FEATURES', cut: true }],
      sets.map(({ name, version, features }) => [name, String(version), features.map((one) => one.name).join(', ')]), context.width)}`,
  ].join(''));
  if (views.length === 0) context.suggest('There is no feature view yet. Apply one: rhei apply -f resources/');
  else context.suggest(`What is known about one: rhei features get ENTITY --view ${views[0].name}`);
}

/** As many digits as a person reads; `--json` has all. */
const figure = (value: number): string => String(Number(value.toPrecision(6)));

function valueJson({ view, viewVersion, window, value, eventTime, knownSince, age, ttl, freshness, records, features }: feature.EntityValue): object {
  return {
    view, viewVersion, window: windowJson(window!), value: value ?? null, eventTime: when(eventTime), knownSince: when(knownSince), age: eventTime === 0 ? null : formatDuration(age), ttl: long(ttl),
    freshness: verdicts[freshness], records, ...(features.length > 0 && { features }),
  };
}

async function get(context: Context, entity: string, { view = '', set = '', asOf: at = 0 }: GetOptions): Promise<void> {
  const { platform } = context;
  const { values, asOf: asOfTold } = await named(platform, () => platform.ask(platform.feature, platform.feature.getEntity, { entity, view, featureSet: set, asOf: at }));
  context.result({ entity, asOf: formatInstant(asOfTold), values: values.map(valueJson) }, () => table(
    [{ head: 'VIEW', cut: true }, { head: 'WINDOW' }, { head: 'VALUE', right: true }, { head: 'AGE' }, { head: 'TTL' }, { head: 'VERDICT' }, { head: 'RECORDS', right: true }, { head: 'KNOWN SINCE', cut: true }],
    values.map((one) => [
      one.view, windowText(one.window!), one.value === undefined ? '-' : figure(one.value), one.eventTime === 0 ? '-' : rough(one.age), long(one.ttl) ?? 'none', verdicts[one.freshness] ?? '', String(one.records),
      short(one.knownSince),
    ]), context.width,
  ));
  context.suggest(`As known at ${formatInstant(asOfTold)}. The records behind one: rhei features explain ${values[0].view} ${entity}`);
}

async function explain(context: Context, view: string, entity: string, { asOf: at = 0, limit }: AsOf & { limit: number }): Promise<void> {
  const { platform } = context;
  const found = await named(platform, () => platform.ask(platform.feature, platform.feature.getExplanation, { view, entity, asOf: at, limit }));
  context.result({
    entity, asOf: formatInstant(found.asOf), value: valueJson(found.value!), opens: when(found.opens), counting: found.counting, superseded: found.superseded,
    records: found.records.map(recordJson),
  }, () => explanation(found, context.width));
  const rest = found.counting + found.superseded - found.records.length;
  if (rest > 0) context.suggest(`${rest} older records are not shown: say --limit ${Math.min(1_000, found.counting + found.superseded)}`);
}

function recordJson({ eventTime, arrival, knownAt, identity, standing, supersededBy, supersededAt, number, text, per, part, ...rest }: feature.ValueRecord): object {
  return {
    ...rest, eventTime: formatInstant(eventTime), arrival: formatInstant(arrival), knownAt: formatInstant(knownAt), identity: identity || null, standing: standings[standing],
    supersededBy: supersededBy || null, supersededAt: when(supersededAt), value: number ?? text ?? null, ...(per !== undefined && { per }), part: part ?? null,
  };
}

function explanation({ entity, asOf: at, value, opens, records, counting, superseded }: feature.GetExplanationResponse, width: number): string {
  const { view, window, value: number, freshness, eventTime, age, ttl, knownSince } = value!;
  const verdict = `${verdicts[freshness]}${eventTime === 0 ? '' : `, ${rough(age)} old`}${ttl === 0 ? ', no TTL' : `, TTL ${formatDuration(ttl)}`}`;
  const per = records.some((one) => one.per !== undefined);
  const digits = (one: number | undefined): string => (one === undefined ? '' : figure(one));
  return [
    pairs([
      ['value', number === undefined ? 'none' : String(number)], ['of', `${view} for ${entity}, as known at ${formatInstant(at)}`], ['verdict', verdict],
      ['window', `${windowText(window!)}${opens === 0 ? '' : `: after ${formatInstant(opens)}`}`], ['known since', when(knownSince) ?? '-'], ['records', `${counting} count, ${superseded} superseded`],
    ], width),
    records.length === 0 ? '' : `\n${table(
      [{ head: 'RECORD', cut: true }, { head: 'REV', right: true }, { head: 'EVENT TIME' }, { head: 'ARRIVAL' }, { head: 'GAVE', right: true }, ...(per ? [{ head: 'PER', right: true }] : []), { head: 'PART', right: true }, { head: 'STANDING', cut: true }],
      records.map((one) => [
        `${one.source}/${one.id}`, String(one.revision), short(one.eventTime), short(one.arrival), one.text ?? digits(one.number), ...(per ? [digits(one.per)] : []), digits(one.part),
        one.supersededAt === 0 ? 'counts' : `${standings[one.standing]} by ${one.supersededBy}`,
      ]), width)}`,
  ].join('');
}

/** Says of a view or set that is not there which one was probably meant. */
async function named<Answer>(platform: Platform, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof RheiError) || error.code !== 'not_found' || (error.details.field !== 'view' && error.details.field !== 'feature_set')) throw error;
    const { views, sets } = await platform.ask(platform.feature, platform.feature.listFeatures, {});
    const meant = nearest(error.details.got ?? '', (error.details.field === 'view' ? views : sets).map(({ name }) => name));
    throw meant === undefined ? error : new RheiError(error.code, error.message, { ...error.details, hint: `did you mean ${meant}?` });
  }
}
