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
  faults: z.strictObject({
    duplicates: share.default(0),
    conflicts: share.default(0),
    malformed: share.default(0),
    late: z.strictObject({ share, by: duration }).optional(),
  }).prefault({}),
  alter: z.array(z.strictObject({ from: instant, to: instant, set: z.record(z.string(), z.string()) })).default([]),
  people: z.strictObject({
    developer: z.string().default('admin'),
    publisher: z.string(),
    application: z.string().optional(),
    approver: z.strictObject({ as: z.string(), after: duration }).optional(),
  }),
  expect: z.array(z.string()).default([]),
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
  if (!existsSync(file)) throw new RheiError('not_found', `There is no story ${file}.`, { hint: 'write one: its kind is Story' });
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
