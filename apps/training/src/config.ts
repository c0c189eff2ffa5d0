import { z } from 'zod';

const whole = (least: number) => z.coerce.number().int().min(least);

/** The variables that the training service reads, each as `TRAINING_<NAME>` or `<NAME>` in upper case: `TRAINING_RUN_SECONDS`. */
export const config = z.object({
  /** Megabytes of V8's heap that the process of one run may take. */
  runMemoryMb: whole(64).default(1024),
  /** Seconds after which the process of one run is ended. */
  runSeconds: whole(1).default(900),
  /** Runs that one replica fits at a time. */
  runsAtOnce: whole(1).default(1),
  /** Milliseconds between two looks at waiting runs and at the leases of others. */
  superviseMs: whole(10).default(1_000),
  /** Milliseconds without a sign of life after which another replica takes a run over. */
  leaseMs: whole(100).default(5_000),
});
export type Config = z.infer<typeof config>;
