import type { Database } from '@rhei/runtime';

/** What handlers and doors need. */
export interface Deps {
  database: Database;
  /** Tells the supervisor that there may be work. */
  wake(): void;
  /** Ends the run's process if this replica has it. */
  stopRun(run: string): void;
}
