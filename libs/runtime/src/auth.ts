/**
 * Roles of design §7. Some are bound to one thing: `publisher:airline` may send events of the source `airline`,
 * `application:departures` may ask the deployment `departures`. In a method's list the bare word `publisher` lets any
 * publisher in; the handler then calls {@link mayActFor}.
 */
export type Role =
  | 'publisher' | `publisher:${string}` | 'backfiller' | 'application' | `application:${string}`
  | 'developer' | 'approver' | 'operator' | 'auditor' | 'service' | `service:${string}` | 'admin';

export interface Principal {
  name: string;
  kind: 'person' | 'service';
  roles: Role[];
}

/** Whether the principal holds `role` for `thing` (its own, unbound, or as admin). */
export function mayActFor(principal: Principal, role: 'publisher' | 'application', thing: string): boolean {
  return principal.roles.some((held) => held === 'admin' || held === role || held === `${role}:${thing}`);
}
