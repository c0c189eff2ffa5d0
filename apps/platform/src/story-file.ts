import { invalid, notFound } from '@rhei/contracts';
import type { Role } from '@rhei/runtime';
import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

// Only what a first start needs; the command that replays the story checks the rest.
const story = z.object({
  kind: z.literal('Story'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    period: z.object({ from: z.string() }),
    events: z.array(z.object({ source: z.string() })),
    people: z.object({
      developer: z.string().optional(), publisher: z.string(), application: z.string().optional(),
      approver: z.object({ as: z.string() }).optional(),
      acts: z.array(z.looseObject({ as: z.string() })).default([]),
    }),
  }),
});

export interface StoryStart {
  name: string;
  /** RFC 3339: where the virtual clock of a new folder starts. */
  from: string;
  principals: { name: string; roles: Role[] }[];
}

/** What the first start of a folder must know of its story: when it begins and who takes part. */
export function readStoryStart(file: string): StoryStart {
  if (!existsSync(file)) throw notFound(`There is no story ${file}.`, { field: '--story' });
  const parsed = story.safeParse(parse(readFileSync(file, 'utf8')));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${file} is not a story: /${issue.path.join('/')}: ${issue.message}`, { field: '--story' });
  }
  const { metadata: { name }, spec: { period, events, people } } = parsed.data;
  const sources = [...new Set(events.map(({ source }) => source))];
  return {
    name,
    from: /^\d{4}-\d\d-\d\d$/.test(period.from) ? `${period.from}T00:00:00Z` : period.from,
    principals: merged([
      { name: people.publisher, roles: sources.map((source): Role => `publisher:${source}`) },
      ...(people.application === undefined ? [] : [{ name: people.application, roles: ['application'] as Role[] }]),
      ...(people.approver === undefined ? [] : [{ name: people.approver.as, roles: ['approver'] as Role[] }]),
      ...(people.developer === undefined ? [] : [{ name: people.developer, roles: ['developer'] as Role[] }]),
      ...people.acts.map(({ as, ...act }) => ({ name: as, roles: Object.keys(roleOfAct).filter((doing) => doing in act).map((doing) => roleOfAct[doing]) })),
    ]),
  };
}

/** What somebody must be to do what the story's acts say. */
const roleOfAct: Record<string, Role> = { apply: 'developer', run: 'developer', quarantine: 'operator', rollback: 'operator' };

/** One principal for each name, with all of its roles; the admin is always there. */
function merged(parts: StoryStart['principals']): StoryStart['principals'] {
  const names = [...new Set(parts.map(({ name }) => name))].filter((name) => name !== 'admin');
  return names.map((name) => ({ name, roles: [...new Set(parts.filter((part) => part.name === name).flatMap(({ roles }) => roles))] }));
}
