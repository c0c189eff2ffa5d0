import type { ServiceName } from '@rhei/contracts';
import type { Role } from './auth';

/** One way into the process: an HTTP route (`POST /ingestion/events`) or a gRPC method's path, and who may take it. */
export interface Door {
  name: string;
  roles: Role[] | 'anyone';
  /** The service behind it; undefined for the process's own. */
  service: ServiceName | undefined;
}
