import { parseDuration } from '@rhei/expressions';
import { z } from 'zod';

const duration = z.string().superRefine((text, context) => {
  try {
    parseDuration(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

const eventType = z.strictObject({
  /** CEL: what the event is about. Records with one key keep their order. */
  key: z.string().min(1),
  /** CEL: when it happened, where that is not the attribute `time`. */
  time: z.string().min(1).optional(),
  /** CEL, a string: the fact that the event states. Events of one source, type and identity are revisions of one fact. */
  identity: z.string().min(1).optional(),
  /** CEL, a whole number from 1: which revision of the fact it is; the highest counts. */
  revision: z.string().min(1).optional(),
  /** CEL: true where the event takes the fact back. */
  withdrawn: z.string().min(1).optional(),
  /** JSON Schema of `data`. */
  schema: z.record(z.string(), z.json()),
  expect: z.array(z.strictObject({
    /** CEL that is true for a good event. */
    rule: z.string().min(1),
    /** What a publisher is told who broke it. */
    hint: z.string().max(500).default(''),
  })).max(100).default([]),
}).superRefine((event, context) => {
  // Without a fact there is nothing to revise.
  for (const field of ['revision', 'withdrawn'] as const) {
    if (event[field] !== undefined && event.identity === undefined) context.addIssue({ code: 'custom', path: [field], message: `"${field}" needs an "identity" beside it: the fact that is revised.` });
  }
});

/** The specification of a Source, as users write it. */
export const sourceSpec = z.strictObject({
  owner: z.string().min(1),
  /** The topic of its own that this source writes, where it publishes by Kafka; HTTP is open to it all the same. */
  topic: z.string().regex(/^(?!\.{1,2}$)(?!__)[a-zA-Z0-9._-]{1,249}$/, 'Expected the name of a Kafka topic: 1 to 249 letters, digits, dots, hyphens and underscores, not beginning with two underscores.').optional(),
  /** How far ahead of its arrival an event may claim to have happened. */
  skew: duration.default('5m'),
  events: z.record(z.string().min(1).max(256), eventType).refine((events) => Object.keys(events).length > 0, 'A source has at least one event type.'),
});
export type SourceSpec = z.output<typeof sourceSpec>;
export type EventTypeSpec = z.output<typeof eventType>;
