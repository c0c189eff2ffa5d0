import { parseDuration } from '@rhei/expressions';
import { z } from 'zod';
import type { Reads } from './run';

/** The parts of a feature set that training reads; the rest is the feature service's own business. */
const spec = z.looseObject({
  request: z.record(z.string(), z.string()).default({}),
  label: z.looseObject({ maturity: z.string() }),
});

/**
 * Reads a feature set's specification as the feature service said it.
 * @throws ZodError or RangeError when it is not one
 */
export function readsOf(features: readonly string[], specification: unknown): Reads {
  const { request, label } = spec.parse(specification);
  const numbers = Object.entries(request).filter(([, type]) => type === 'double').map(([name]) => name);
  return { features: [...features], request: numbers.sort(), maturity: parseDuration(label.maturity) };
}
