import { forbidden } from '@rhei/contracts';
import { mayActFor, type Principal, type Role } from '@rhei/runtime';

/** Roles that see the quarantine of every source, and those that may mend in it; a publisher both, of its own source. */
const readers: Role[] = ['developer', 'operator', 'auditor', 'admin'];
const menders: Role[] = ['developer', 'operator', 'admin'];
export const quarantineReaders: Role[] = [...readers, 'publisher'];
export const quarantineMenders: Role[] = [...menders, 'publisher'];

/** The sources whose quarantine the principal sees, narrowed to one where it asks for one; undefined: all. Errors: `forbidden`. */
export function visibleSources({ roles, name, kind }: Principal, source: string, act: 'see' | 'mend' = 'see'): string[] | undefined {
  const everywhere = act === 'see' ? readers : menders;
  if (roles.some((role) => everywhere.includes(role) || role === 'publisher')) return source === '' ? undefined : [source];
  const own = roles.flatMap((role) => (role.startsWith('publisher:') ? [role.slice('publisher:'.length)] : []));
  if (source === '') return own;
  refuseRow({ roles, name, kind }, { source }, act);
  return [source];
}

/** Errors: `forbidden` where the principal may not do this to what is kept of the source. */
export function refuseRow(principal: Principal, { source }: { source: string }, act: 'see' | 'mend'): void {
  const everywhere = act === 'see' ? readers : menders;
  if (principal.roles.some((role) => everywhere.includes(role)) || mayActFor(principal, 'publisher', source)) return;
  throw forbidden(`${principal.name} may not ${act === 'see' ? 'see' : 'mend'} the quarantine of source "${source}": that takes publisher:${source}, ${everywhere.slice(0, -1).join(', ')} or admin.`, {
    expected: `publisher:${source}`, got: principal.roles.join(', '),
  });
}
