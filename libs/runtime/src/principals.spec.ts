import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPrincipals, type Principal } from './auth';
import { pause } from './clock';
import { Principals, writePrincipals } from './principals';

describe('the principals file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'principals-'));
    path = join(folder, 'principals.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const ann: Principal = { name: 'ann', kind: 'person', roles: ['developer'] };

  it('can be read by its owner only', () => {
    writePrincipals(path, []);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
  it('tells who holds a token', () => {
    const { stored, tokens } = createPrincipals([ann]);
    writePrincipals(path, stored);
    expect(new Principals(path).authenticate(`Bearer ${tokens['ann']}`)).toEqual(ann);
  });
  it('refuses no token, another scheme and an unknown token, each in its own words', () => {
    writePrincipals(path, []);
    const principals = new Principals(path);
    expect(() => principals.authenticate(undefined)).toThrow(/got no such header/);
    expect(() => principals.authenticate('Basic YTpi')).toThrow(/expected "Bearer <token>"/);
    expect(() => principals.authenticate('Bearer nonsense')).toThrow(/Nobody is known by this token/);
  });
  it('counts as it is, without a restart', async () => {
    const before = createPrincipals([ann]);
    writePrincipals(path, before.stored);
    const principals = new Principals(path);
    const after = createPrincipals([{ ...ann, name: 'bob' }]);
    writePrincipals(path, after.stored);
    await pause(120);
    expect(principals.authenticate(`Bearer ${after.tokens['bob']}`).name).toBe('bob');
    expect(() => principals.authenticate(`Bearer ${before.tokens['ann']}`)).toThrow(/Nobody/);
  });
  it('stays in force as it was when it is replaced by nonsense', async () => {
    const { stored, tokens } = createPrincipals([ann]);
    writePrincipals(path, stored);
    const principals = new Principals(path);
    writeFileSync(path, '[{"name": "ann"');
    await pause(120);
    expect(() => principals.authenticate('Bearer x')).toThrow(/Nobody/);
    expect(principals.authenticate(`Bearer ${tokens['ann']}`).name).toBe('ann');
  });
  it('says what is wrong with it at the start', () => {
    writeFileSync(path, JSON.stringify([{ name: 'ann', kind: 'person', roles: ['boss'], tokenHash: 'x' }]));
    expect(() => new Principals(path)).toThrow(/\/0\/roles\/0: expected one of publisher.*\/0\/tokenHash: expected the SHA-256/s);
  });
});
