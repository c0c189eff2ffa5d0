import type { Base } from '@rhei/runtime';
import type { Config } from './config';
import type { DefinitionCache } from './definitions.store';
import type { Builds } from './training-set/builds';

export interface Deps extends Pick<Base<Config>, 'database' | 'blobs' | 'clock' | 'log' | 'config'> {
  definitions: DefinitionCache;
  builds: Builds;
}
