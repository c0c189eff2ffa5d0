import type { Instant } from '@rhei/expressions';
import { z } from 'zod';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const manifest = z.looseObject({
  asOf: z.number(),
  rows: z.number(),
  /** From here on the windows of all views had filled. */
  filledFrom: z.number(),
  digests: z.looseObject({ rows: digest, parquet: digest }),
});

/** The parts of a training set's manifest that decide here; it is kept whole beside them. */
export interface Manifest {
  asOf: Instant;
  rows: number;
  filledFrom: Instant;
  /** Of the canonical rows, and of the Parquet file, which is also its key in the blob store. */
  digests: { rows: string; parquet: string };
  [field: string]: unknown;
}

/** What a manifest says of where its rows come from, the same wherever the set is built. */
export const originFields = ['sources', 'arrivalBasis', 'leftOut', 'corrected', 'withdrawn', 'views'] as const;

export const originIn = (manifest: Manifest): Record<string, unknown> => Object.fromEntries(originFields.flatMap((field) => (manifest[field] === undefined ? [] : [[field, manifest[field]]])));

/** Reads a manifest; a text says what is wrong with it. */
export function readManifest(json: string): Manifest | string {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return `The manifest is no JSON: ${(error as Error).message}.`;
  }
  const { success, data, error } = manifest.safeParse(value);
  if (success) return data;
  return `The manifest lacks ${error.issues.map(({ path, message }) => `${path.join('.')} (${message})`).join(', ')}.`;
}
