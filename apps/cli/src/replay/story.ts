import { RheiError } from '@rhei/contracts';
import { parseDuration, parseInstant, type Duration, type Instant } from '@rhei/expressions';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';

const reading = <T>(read: (text: string) => T) =>
  z.string().transform((text, context) => {
    try {
      return read(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
const duration = reading<Duration>(parseDuration);
const instant = reading<Instant>((text) => parseInstant(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text));
const share = z.number().min(0).max(1);

/** CEL over `row` and `index`, or an object or list of such. */
export type Template = string | number | boolean | Template[] | { [field: string]: Template };
const template: z.ZodType<Template> = z.lazy(() => z.union([z.string(), z.number(), z.boolean(), z.array(template), z.record(z.string(), template)]));

/** CEL by field; a number or a truth value is one as it stands. */
const settings = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String));

/** How the data of an event is changed: fields renamed, then left out, then set by CEL over `row`, `data`, `index` and `draw`. */
const change = {
  rename: z.record(z.string(), z.string()).default({}),
  unset: z.array(z.string()).default([]),
  set: settings.default({}),
};
export type DataChange = z.output<z.ZodObject<typeof change>>;
const changes = ({ rename, unset, set }: DataChange): boolean => Object.keys(rename).length + unset.length + Object.keys(set).length > 0;
const nothingChanges = { message: 'changes nothing: say set, unset or rename' };

/** A second event about the same fact, with an id of its own, written `after` the first. */
const revision = z.strictObject({ share, after: duration, event: z.string(), ...change }).refine(changes, nothingChanges);

const faults = z.strictObject({
  duplicates: share.default(0),
  conflicts: share.default(0),
  malformed: share.default(0),
  /** Delivered so much later than they happened; `events`: of these types only. */
  late: z.strictObject({ share, by: duration, events: z.array(z.string()).min(1).optional() }).optional(),
  corrections: z.array(revision).default([]),
  withdrawals: z.array(revision).default([]),
  /** What an upstream writes in this time breaks its contract. */
  broken: z.array(z.strictObject({ from: instant, to: instant, event: z.string(), ...change }).refine(changes, nothingChanges)).default([]),
  /** What happens within `for` (default: a step) is sent with wrong values that its contract lets pass, and put right `after` that. */
  poisoned: z.array(z.strictObject({
    at: instant, for: duration.optional(), event: z.string(), ...change,
    corrected: z.strictObject({ after: duration, set: settings }).optional(),
  }).refine(changes, nothingChanges)).default([]),
}).prefault({});

const chosen = { source: z.string(), type: z.string() };
/** What somebody does at one instant: one of these. */
export const doings = ['apply', 'run', 'quarantine', 'rollback'] as const;
const act = z.strictObject({
  at: instant,
  as: z.string(),
  apply: z.array(z.string()).min(1).optional(),
  run: z.strictObject({ plan: z.string(), reason: z.string() }).optional(),
  /** All open ones of a source and type: given another try as they are, or with their data put right. */
  quarantine: z.strictObject({
    replay: z.strictObject(chosen).optional(),
    /** `when`: CEL over `data`; others of the type are left as they are. */
    fix: z.strictObject({ ...chosen, when: z.string().optional(), ...change }).refine(changes, nothingChanges).optional(),
    reason: z.string(),
  }).refine(({ replay, fix }) => (replay === undefined) !== (fix === undefined), { message: 'is one of replay and fix' }).optional(),
  rollback: z.strictObject({ deployment: z.string(), reason: z.string() }).optional(),
}).refine((one) => doings.filter((doing) => one[doing] !== undefined).length === 1, { message: `is one of ${doings.join(', ')}` });
export type Act = z.output<typeof act>;

const spec = z.strictObject({
  /** YAML files of resources, relative to the story; applied first. */
  resources: z.array(z.string()).min(1),
  /** A table: a file beside the story, or one inside an installed npm package. `order` makes the order of its rows total. */
  data: z.strictObject({ package: z.string().optional(), file: z.string(), order: z.array(z.string()).min(1) }),
  /** `time` is the column that places a row on the time axis; `to` is exclusive. */
  period: z.strictObject({ from: instant, to: instant, step: duration, time: z.string() }),
  sample: z.strictObject({ rows: z.int().positive(), seed: z.int() }),
  events: z.array(z.strictObject({
    type: z.string(), source: z.string(), id: z.string(), time: z.string(), subject: z.string().optional(), data: template,
  })).min(1),
  ask: z.strictObject({ deployment: z.string(), on: z.string() }).optional(),
  faults,
  /** A change of the world: columns are computed anew by CEL over `row`, `index` and `draw`, a number in [0, 1) of this row and column. */
  alter: z.array(z.strictObject({ from: instant, to: instant, set: settings })).default([]),
  people: z.strictObject({
    developer: z.string().default('admin'),
    publisher: z.string(),
    application: z.string().optional(),
    approver: z.strictObject({ as: z.string(), after: duration }).optional(),
    acts: z.array(act).default([]),
  }),
  expect: z.array(z.string()).default([]),
}).superRefine(({ period, events, faults: { late, ...faulty }, ask, people }, context) => {
  const types = events.map(({ type }) => type);
  const known = (type: string, ...path: (string | number)[]): void => {
    if (!types.includes(type)) context.addIssue({ code: 'custom', path, message: `names the event "${type}"; the story has ${types.join(', ')}` });
  };
  if (ask !== undefined) known(ask.on, 'ask', 'on');
  late?.events?.forEach((type, index) => known(type, 'faults', 'late', 'events', index));
  for (const kind of ['corrections', 'withdrawals', 'broken', 'poisoned'] as const) {
    faulty[kind].forEach(({ event }, index) => known(event, 'faults', kind, index, 'event'));
  }
  people.acts.forEach(({ at }, index) => {
    if (at < period.from || at >= period.to) context.addIssue({ code: 'custom', path: ['people', 'acts', index, 'at'], message: 'lies outside the period' });
  });
});
export type StorySpec = z.output<typeof spec>;

export interface Story {
  name: string;
  file: string;
  folder: string;
  spec: StorySpec;
  /** As it stands in the file: part of the plan's digest. */
  source: unknown;
}

/** Reads and checks a story. Errors: `not_found`; `invalid` with every fault and its path. */
export function readStory(file: string): Story {
  if (!existsSync(file)) throw new RheiError('not_found', `There is no story ${file}.`, { field: 'story', expected: 'a file of kind Story', got: file, hint: 'name the YAML file of a story' });
  const document = parseDocument(readFileSync(file, 'utf8'));
  if (document.errors.length > 0) throw new RheiError('invalid', `${file} is no YAML: ${document.errors[0].message}`);
  const source: unknown = document.toJS();
  const envelope = z.strictObject({
    apiVersion: z.literal('rhei/v1'), kind: z.literal('Story'), metadata: z.strictObject({ name: z.string().regex(/^[a-z][a-z0-9-]*$/) }), spec,
  });
  const parsed = envelope.safeParse(source);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => ({ field: `/${issue.path.join('/')}`, message: issue.message }));
    throw new RheiError('invalid', `${file} is not a story:\n${faults.map(({ field, message }) => `  ${field}: ${message}`).join('\n')}`, { problems: faults });
  }
  const { period } = parsed.data.spec;
  if (period.to <= period.from || (period.to - period.from) % period.step !== 0) {
    throw new RheiError('invalid', `${file}: /spec/period must hold a whole number of steps, at least one.`);
  }
  return { name: parsed.data.metadata.name, file, folder: dirname(resolve(file)), spec: parsed.data.spec, source };
}

/** The same story with another sample of its table, and other faults. */
export const withSeed = (story: Story, seed: number): Story => ({ ...story, spec: { ...story.spec, sample: { ...story.spec.sample, seed } } });

/** The control of a story: its rows and its everyday faults, without anything that is bound to a date. */
export const withoutChange = (story: Story): Story => ({
  ...story, spec: { ...story.spec, alter: [], faults: { ...story.spec.faults, broken: [], poisoned: [] }, people: { ...story.spec.people, acts: [] } },
});
