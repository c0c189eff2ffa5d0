import { isDuration, parseDuration } from '@rhei/expressions';
import { z } from 'zod';

const duration = z.string().refine(isDuration, { error: 'expected a duration such as 1d, 12h or 30m' });
const positive = duration.refine((text) => !isDuration(text) || parseDuration(text) > 0, { error: 'expected more than no time, such as 1d' });

const watched = /^((request|missing)\.[A-Za-z_]\w*|outcome|volume|loss)$/;
const sliceable = /^request\.[A-Za-z_]\w*$/;

/** What a user declares about the watch over one deployment. */
export const monitorSpec = z.strictObject({
  deployment: z.string().min(1),
  /** What is new in each bucket and shall not differ. */
  watch: z.array(z.string().regex(watched, { error: 'expected "request.<field>", "missing.<field>", "outcome", "volume" or "loss"' })).min(1),
  /** `fixed`: what the live version has learnt. `moving`: the monitor's own last quiet windows. `both` are two tests under one budget. */
  against: z.enum(['fixed', 'moving', 'both']).default('fixed'),
  /** Request fields by whose values the watched things and the loss are also tested, against the moving reference. */
  slices: z.array(z.string().regex(sliceable, { error: 'expected "request.<field>"' })).default([]),
  slicing: z.strictObject({
    /** How many values of a field, the most frequent first. */
    top: z.int().min(1).max(50).default(5),
    /** Rows of a window below which a slice is shown and never alarms. */
    rows: z.int().min(1).default(100),
  }).prefault({}),
  bucket: positive.default('1d'),
  /** Buckets of a window: after so many the pattern repeats. */
  cycle: z.int().min(1).max(366).default(7),
  /** Cycles that a reference must hold. */
  reference: z.int().min(2).max(520).default(6),
  /** Share of windows that may alarm though nothing changed. */
  budget: z.number().gt(0).lt(1).default(0.01),
  /** PSI below which a change of a distribution is not worth acting on. */
  floor: z.number().min(0).default(0.03),
  /** The same for what has one figure. */
  floors: z.strictObject({
    /** Change of a missing rate. */
    missing: z.number().min(0).default(0.02),
    /** Change of a volume, as a share of the volume before. */
    volume: z.number().min(0).default(0.2),
    /** Rise of the mean log loss, in nats. */
    loss: z.number().min(0).default(0.02),
  }).prefault({}),
  retrain: z.strictObject({
    /** CEL over `alarms` and `labels`. */
    when: z.string().min(1),
    cooldown: duration.default('14d'),
    minLabels: z.int().min(0).default(0),
    /** What a run and an alarm cost, as somebody has reckoned. */
    cost: z.strictObject({ run: z.number().min(0), alarm: z.number().min(0).default(0), unit: z.string().min(1).max(16) }).optional(),
  }).optional(),
  /** Whether a promotion helped is asked so long after it went live, and answered when both versions have scored so many matured rows. */
  helped: z.strictObject({
    after: positive.default('14d'),
    rows: z.int().min(2).default(200),
    rollback: z.enum(['onHurt', 'never']).default('onHurt'),
  }).prefault({}),
});
export type MonitorSpec = z.infer<typeof monitorSpec>;
export type RetrainingPolicy = NonNullable<MonitorSpec['retrain']>;
