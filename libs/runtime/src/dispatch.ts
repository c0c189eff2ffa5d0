import { notFound } from '@rhei/contracts';
import type { RunningService } from './running-service';

/** Finds the service that a request names: one process may hold several. Errors: `not_found`. */
export function named(services: ReadonlyMap<string, RunningService>, name: string): RunningService {
  const service = services.get(name);
  if (service) return service;
  throw notFound(`No service "${name}" runs here: expected ${[...services.keys()].join(', ')}.`, { field: 'service', expected: [...services.keys()].join(', '), got: name });
}
