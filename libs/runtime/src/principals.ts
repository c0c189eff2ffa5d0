import { timingSafeEqual } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { unauthenticated } from '@rhei/contracts';
import type { Logger } from 'pino';
import { z } from 'zod';
import { hashToken, type Principal, type Role, type StoredPrincipal } from './auth';

const role = z.string().regex(/^(publisher|application|service)(:[^\s:]+)?$|^(backfiller|developer|approver|operator|auditor|admin)$/,
  'expected one of publisher[:source], backfiller, application[:deployment], developer, approver, operator, auditor, service:name, admin');
const fileShape = z.array(z.strictObject({
  name: z.string().min(1),
  kind: z.enum(['person', 'service']),
  roles: z.array(role as unknown as z.ZodType<Role>),
  tokenHash: z.string().regex(/^[0-9a-f]{64}$/, 'expected the SHA-256 of the token in hex'),
}));

/** Milliseconds between looks at the file. */
const LOOK_EVERY = 1_000;
const LOOK_AFTER_A_STRANGER = 100;

/** Who may call, read from a file of token hashes. A change of the file counts within a second, without a restart. */
export class Principals {
  private known: { principal: Principal; hash: Buffer }[] = [];
  private version = '';
  private lookedAt = -Infinity;

  /** Throws an Error that says what is wrong with the file. */
  constructor(private readonly path: string, private readonly log?: Logger) {
    this.load();
  }

  /**
   * The principal behind an `Authorization` header.
   * @throws RheiError `unauthenticated`
   */
  authenticate(authorization: string | undefined): Principal {
    if (authorization === undefined || authorization === '') {
      throw unauthenticated('This door asks who calls: expected "Authorization: Bearer <token>", got no such header.', {
        reason: 'NO_TOKEN', expected: 'Authorization: Bearer <token>', hint: 'Tokens are in the token file of the data folder.',
      });
    }
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) {
      throw unauthenticated('The Authorization header was not understood: expected "Bearer <token>".', { reason: 'NO_TOKEN', expected: 'Bearer <token>' });
    }
    this.look(LOOK_EVERY);
    const principal = this.find(token) ?? (this.look(LOOK_AFTER_A_STRANGER) ? this.find(token) : undefined);
    if (!principal) {
      throw unauthenticated('Nobody is known by this token: expected one of a principal in the PRINCIPALS file. It may have been replaced.', {
        reason: 'UNKNOWN_TOKEN', hint: 'Tokens are in the token file of the data folder.',
      });
    }
    return principal;
  }

  /** All principals, without their hashes. */
  list(): Principal[] {
    this.look(LOOK_EVERY);
    return this.known.map(({ principal }) => principal);
  }

  private find(token: string): Principal | undefined {
    const hash = Buffer.from(hashToken(token), 'hex');
    let found: Principal | undefined;
    // All are compared, each in constant time: the duration tells nothing about how near a guess was.
    for (const entry of this.known) if (timingSafeEqual(entry.hash, hash)) found = entry.principal;
    return found;
  }

  private look(interval: number): boolean {
    const now = performance.now();
    if (now - this.lookedAt < interval) return false;
    try {
      return this.load();
    } catch (error) {
      this.log?.error({ err: error, path: this.path }, 'the principals file has changed and cannot be used: those known before stay in force');
      return false;
    }
  }

  private load(): boolean {
    this.lookedAt = performance.now();
    const { mtimeMs, size, ino } = statSync(this.path);
    const version = `${mtimeMs}/${size}/${ino}`;
    if (version === this.version) return false;
    this.version = version;
    const parsed = fileShape.safeParse(JSON.parse(readFileSync(this.path, 'utf8')));
    if (!parsed.success) {
      throw new Error(parsed.error.issues.map((issue) => `/${issue.path.join('/')}: ${issue.message}`).join('; '));
    }
    const names = parsed.data.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Error(`"${twice}" stands in the file twice`);
    this.known = parsed.data.map(({ tokenHash, ...principal }) => ({ principal, hash: Buffer.from(tokenHash, 'hex') }));
    return true;
  }
}

/** Writes the file that {@link Principals} reads: whole or not at all, readable by its owner only. */
export function writePrincipals(path: string, principals: StoredPrincipal[]): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(principals, null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}
