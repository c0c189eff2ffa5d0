import { createHash, randomBytes } from 'node:crypto';
import { forbidden, type RheiError } from '@rhei/contracts';

/**
 * Roles of design §7. Some are bound to one thing: `publisher:shop` may send events of the source `shop`,
 * `application:renewals` may ask the deployment `renewals`. In a method's list the bare word `publisher` lets any
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

/** A principal as it stands in the file: of its token only the SHA-256, in hex. */
export interface StoredPrincipal extends Principal {
  tokenHash: string;
}

/** The principals that may read what a service tells about itself and its own. */
export const readers: Role[] = ['developer', 'approver', 'operator', 'auditor', 'admin'];

/** Whether the principal holds `role` for `thing` (its own, unbound, or as admin). */
export function mayActFor(principal: Principal, role: 'publisher' | 'application', thing: string): boolean {
  return principal.roles.some((held) => held === 'admin' || held === role || held === `${role}:${thing}`);
}

/**
 * Whether one of the principal's roles is in the list. A bare word in the list admits every bound form
 * (`publisher` admits `publisher:shop`); a bound one is also met by the holder of the bare word.
 */
export function mayCall(principal: Principal, allowed: readonly Role[]): boolean {
  return principal.roles.some((held) =>
    allowed.some((role) => held === role || held.startsWith(`${role}:`) || (held !== 'service' && role.startsWith(`${held}:`))));
}

/** The refusal of a principal whose roles are not in the list; it names those that are. */
export function refusal(principal: Principal, door: string, allowed: readonly Role[]): RheiError {
  return forbidden(`"${principal.name}" may not call ${door}: expected one of the roles ${allowed.join(', ')}; it has ${principal.roles.join(', ') || 'none'}.`, {
    reason: 'ROLE', expected: allowed.join(', '), got: principal.roles.join(', '), hint: 'Use the token of a principal with such a role, or ask an admin to grant one.',
  });
}

export const hashToken = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');

/** A new secret: 256 random bits, with a prefix by which a leaked one is found. */
export const newToken = (): string => `rhei_${randomBytes(32).toString('base64url')}`;

/** Makes tokens for the principals. The first half of the answer goes to the file, the tokens to their owners only. */
export function createPrincipals(principals: Principal[]): { stored: StoredPrincipal[]; tokens: Record<string, string> } {
  const tokens: Record<string, string> = {};
  const stored = principals.map((principal) => {
    const token = (tokens[principal.name] = newToken());
    return { ...principal, tokenHash: hashToken(token) };
  });
  return { stored, tokens };
}
