import type { Clock, Database } from '@rhei/runtime';

export interface Deps {
  database: Database;
  clock: Clock;
}
