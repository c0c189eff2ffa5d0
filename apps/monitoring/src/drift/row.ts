import type { Instant } from '@rhei/runtime';
import type { Value } from '@rhei/statistics';

/** One answered prediction: when its example happens, what was asked, what was answered, and the truth once it is mature. */
export interface Row {
  at: Instant;
  request: Record<string, Value>;
  /** Names of the served features that had no value. */
  missing: readonly string[];
  /** 0: the declared fallback answered. */
  version: number;
  /** Null where an answer carried none. */
  probability: number | null;
  label: number | null;
  /** It was asked after all that its version could have learnt from. */
  unseen: boolean;
}
