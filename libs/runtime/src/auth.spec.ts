import { createPrincipals, hashToken, mayActFor, mayCall, refusal, type Principal, type Role } from './auth';

const principal = (...roles: Role[]): Principal => ({ name: 'ann', kind: 'person', roles });

describe('who may call', () => {
  it('lets every bound role through a door that names the bare word', () => {
    expect(mayCall(principal('publisher:airline'), ['publisher'])).toBe(true);
    expect(mayCall(principal('service:serving'), ['service'])).toBe(true);
  });
  it('asks for the very role where a door names a bound one', () => {
    expect(mayCall(principal('service:serving'), ['service:training'])).toBe(false);
    expect(mayCall(principal('application:gate'), ['application:board'])).toBe(false);
  });
  it('takes a publisher of all sources for a publisher of one', () => {
    expect(mayCall(principal('publisher'), ['publisher:airline'])).toBe(true);
  });
  it('does not take a word for its prefix', () => {
    expect(mayCall(principal('publisher'), ['developer'])).toBe(false);
    expect(mayCall(principal('application:developer'), ['developer'])).toBe(false);
  });
  it('does not let an admin through a door that does not list it', () => {
    expect(mayCall(principal('admin'), ['approver'])).toBe(false);
  });
  it('names a role that may in its refusal', () => {
    expect(refusal(principal('developer'), 'POST /x', ['approver', 'admin']).message).toMatch(/one of the roles approver, admin; it has developer/);
  });
  it('lets a publisher act for its own source only', () => {
    expect(mayActFor(principal('publisher:airline'), 'publisher', 'airline')).toBe(true);
    expect(mayActFor(principal('publisher:airline'), 'publisher', 'harbour')).toBe(false);
    expect(mayActFor(principal('admin'), 'publisher', 'harbour')).toBe(true);
  });
});

describe('principals that are made', () => {
  it('have a token each, of which only the hash is kept', () => {
    const { stored, tokens } = createPrincipals([principal('admin'), { ...principal('developer'), name: 'bob' }]);
    expect(new Set(Object.values(tokens)).size).toBe(2);
    expect(stored.map(({ name, tokenHash }) => [name, tokenHash])).toEqual([['ann', hashToken(tokens['ann'])], ['bob', hashToken(tokens['bob'])]]);
    expect(JSON.stringify(stored)).not.toContain(tokens['ann']);
  });
});
