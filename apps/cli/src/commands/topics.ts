import { invalid } from '@rhei/contracts';
import type { TopicDifference, TopicsSurvey, UpstreamTopic } from '@rhei/messaging';
import { Command, InvalidArgumentError } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { positive } from '../option-values';
import { readResourceFiles } from '../resource-files';
import { table } from '../table';

interface TopicsFlags {
  broker?: string;
  file?: string[];
  writer: Map<string, string[]>;
  replication?: number;
  partitions?: number;
}

type State = 'as it should be' | 'missing' | 'made' | 'differs';

export function topicsCommand(context: Context): Command {
  const group = explained(new Command('topics'), {
    purpose: 'Makes the topics of an event log on Kafka, with the rights on them, and shows what differs.',
    examples: ['rhei topics apply --broker kafka://admin@kafka:9092 --acls', 'rhei topics list'],
  });
  group.addCommand(flagged(explained(new Command('apply'), {
    purpose: 'Makes the topics that are missing. One that is there and differs is told (exit code 5) and left as it is.',
    examples: ['rhei topics apply --broker kafka://admin@kafka:9092 --acls', 'rhei topics apply --acls -f resources/ --writer shop=shop-producer'],
  })).option('--acls', 'grant each service what it says and hears, and no more').action((flags: TopicsFlags & { acls?: boolean }) => apply(context, flags)));
  group.addCommand(flagged(explained(new Command('list'), {
    purpose: 'Lists the topics that ought to be there, and how they stand. Exit code 5 when one is missing or differs.',
    examples: ['rhei topics list', 'rhei topics list -f resources/ --json'],
  })).action((flags: TopicsFlags) => list(context, flags)));
  return group;
}

const flagged = (command: Command): Command => command
  .option('--broker <url>', 'kafka://user@host:9092 (else RHEI_KAFKA, else EVENT_LOG; the password comes from the file that RHEI_KAFKA_PASSWORD_FILE or EVENT_LOG_PASSWORD_FILE names)')
  .option('-f, --file <path...>', 'YAML files, or folders of them: the topics of their sources too')
  .option('--writer <source=user>', 'a user who may write the topic of a source (default: the user of its name); may be given again', writer, new Map<string, string[]>())
  .option('--replication <n>', 'copies of each topic (default: one per broker, 3 at most)', positive)
  .option('--partitions <n>', 'partitions of a topic of a source that is made (default: 1)', positive);

function writer(text: string, before: Map<string, string[]>): Map<string, string[]> {
  const [, source, user] = /^([a-z][a-z0-9-]{0,62})=(\S+)$/.exec(text) ?? [];
  if (source === undefined) throw new InvalidArgumentError(`Expected SOURCE=USER, got "${text}".`);
  return before.set(source, [...(before.get(source) ?? []), user]);
}

async function apply(context: Context, flags: TopicsFlags & { acls?: boolean }): Promise<void> {
  const upstream = upstreamOf(flags);
  const { applyTopics } = await import('@rhei/messaging');
  const applied = await applyTopics({
    url: await brokerOf(flags, context.terminal.env), upstream, ...(flags.acls && { acls: true }), ...(flags.replication !== undefined && { replication: flags.replication }),
  });
  show(context, applied, new Set(applied.created), { created: applied.created, grants: applied.grants ?? null });
  if (context.json) return;
  const { created, grants, differences } = applied;
  const users = new Set(grants?.map(({ principal }) => principal));
  context.say(`${created.length === 0 ? 'Nothing to make' : `Made: ${created.length === 1 ? '1 topic' : `${created.length} topics`}`}${grants === undefined ? '' : `; ${grants.length} rights of ${users.size} users stand`}.`);
  if (differences.length > 0) context.say('What differs was left as it is: a person decides. More partitions would move keys away from what was said about them before.');
  else if (grants === undefined) context.suggest('Rights were not touched; add --acls where the broker has an authorizer.');
}

async function list(context: Context, flags: TopicsFlags): Promise<void> {
  const upstream = upstreamOf(flags);
  const { surveyTopics } = await import('@rhei/messaging');
  const survey = await surveyTopics({ url: await brokerOf(flags, context.terminal.env), upstream, ...(flags.replication !== undefined && { replication: flags.replication }) });
  show(context, survey, new Set(), {});
  if (survey.missing.length > 0) {
    context.exitCode = 5;
    context.suggest('Make what is missing: rhei topics apply');
  }
}

function show(context: Context, { brokers, wanted, found, missing, differences }: TopicsSurvey, made: Set<string>, more: object): void {
  const there = new Map(found.map((topic) => [topic.name, topic]));
  const differs = new Set(differences.map(({ topic }) => topic));
  const stateOf = (name: string): State => (missing.includes(name) ? 'missing' : differs.has(name) ? 'differs' : made.has(name) ? 'made' : 'as it should be');
  const topics = wanted.map(({ name, partitions, replication }) => {
    const has = there.get(name);
    return { name, partitions: has?.partitions ?? partitions, replication: has?.replication ?? replication, state: stateOf(name) };
  });
  context.result({ brokers, topics, differences, ...more }, () => table(
    [{ head: 'TOPIC' }, { head: 'PARTITIONS', right: true }, { head: 'COPIES', right: true }, { head: 'STATE' }],
    topics.map(({ name, partitions, replication, state }) => [name, String(partitions), String(replication), state]), context.width,
  ) + differencesText(differences, context.width));
  if (differences.length > 0) context.exitCode = 5;
}

const differencesText = (differences: TopicDifference[], width: number): string => (differences.length === 0 ? '' : `\n${table(
  [{ head: 'DIFFERS' }, { head: 'IN' }, { head: 'WANTED', right: true }, { head: 'FOUND', right: true }],
  differences.map(({ topic, what, wanted, found }) => [topic, what, wanted, found]), width,
)}`);

/** The topics of the sources in the files, each with its writers. */
function upstreamOf({ file = [], writer: writers, partitions }: TopicsFlags): UpstreamTopic[] {
  const sources = file.length === 0 ? [] : readResourceFiles(file).filter(({ kind, spec }) => kind === 'Source' && typeof spec.topic === 'string');
  const stray = [...writers.keys()].find((name) => !sources.some((source) => source.name === name));
  if (stray !== undefined) throw invalid(`--writer names the source "${stray}", and no source of that name has a topic in the files.`, { hint: 'name the files with -f; a source has a topic when its spec says topic: NAME' });
  return sources.map(({ name, spec }) => ({ name: spec.topic as string, writers: writers.get(name) ?? [name], ...(partitions !== undefined && { partitions }) }));
}

async function brokerOf({ broker }: TopicsFlags, env: Record<string, string | undefined>): Promise<string> {
  const given = [{ text: broker, from: '--broker', names: ['RHEI_KAFKA', 'EVENT_LOG'] }, { text: env.RHEI_KAFKA, from: 'RHEI_KAFKA', names: ['RHEI_KAFKA'] }, { text: env.EVENT_LOG, from: 'EVENT_LOG', names: ['EVENT_LOG'] }]
    .find(({ text }) => text !== undefined && text.trim() !== '');
  if (given === undefined) throw invalid('No broker is known: there is no --broker, no RHEI_KAFKA and no EVENT_LOG.', { hint: 'name it with --broker kafka://user@host:9092' });
  const url = given.text!.trim();
  if (!url.startsWith('kafka:')) throw invalid(`The broker from ${given.from} has the scheme "${url.split(':', 1)[0]}".`, { expected: 'kafka://user@host:9092', hint: 'only a log on Kafka has topics to make; the one in PostgreSQL is installed at its start' });
  // A URL that has a password, or no user, needs none from a file.
  if (!/^kafka:\/\/[^:@/]+@/.test(url)) return url;
  const { withPassword } = await import('@rhei/runtime');
  const complete = withPassword(given.names, url, env);
  if (typeof complete === 'string') return complete;
  throw invalid(`${complete.variable} is ${JSON.stringify(complete.got)}: expected ${complete.expected}.`);
}
