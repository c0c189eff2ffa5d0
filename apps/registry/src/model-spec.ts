import { z } from 'zod';

const gate = z.strictObject({
  name: z.string().min(1),
  /** CEL, true when the gate is met; see gates.ts for what it may read. */
  rule: z.string().min(1),
});
export type Gate = z.infer<typeof gate>;

/** What a user declares about a model. */
export const modelSpec = z.strictObject({
  owner: z.string().min(1),
  purpose: z.string().min(1),
  riskTier: z.enum(['minimal', 'limited', 'high']),
  /** `required`: somebody other than the author has to approve a version before it can be promoted. */
  approval: z.enum(['required', 'none']),
  gates: z.array(gate).default([]),
  /** What is known not to work, in sentences for the model card. */
  limits: z.array(z.string().min(1)).optional(),
});
export type ModelSpec = z.infer<typeof modelSpec>;
