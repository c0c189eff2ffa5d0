import { serviceNames } from '@rhei/contracts';
import { createPrincipals, writePrincipals, type Principal, type Role } from '@rhei/runtime';

/** One principal for each role, and the six services. */
export const testPrincipals: Principal[] = [
  { name: 'admin', kind: 'person', roles: ['admin'] },
  { name: 'dev', kind: 'person', roles: ['developer'] },
  { name: 'reviewer', kind: 'person', roles: ['approver'] },
  { name: 'oper', kind: 'person', roles: ['operator'] },
  { name: 'aud', kind: 'person', roles: ['auditor'] },
  { name: 'airline', kind: 'service', roles: ['publisher:airline'] },
  { name: 'filler', kind: 'person', roles: ['backfiller'] },
  { name: 'gate', kind: 'service', roles: ['application'] },
  ...serviceNames.map((name): Principal => ({ name, kind: 'service', roles: [`service:${name}` as Role] })),
];

/** Writes a principals file and returns the tokens by name. */
export function makeTokens(path: string, principals: Principal[] = testPrincipals): Record<string, string> {
  const { stored, tokens } = createPrincipals(principals);
  writePrincipals(path, stored);
  return tokens;
}
