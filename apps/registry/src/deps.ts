import type { Blobs, Database } from '@rhei/runtime';

export interface Deps {
  database: Database;
  blobs: Blobs;
}
