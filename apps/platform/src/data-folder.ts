import { conflict, invalid } from '@rhei/contracts';
import { createPrincipals, type Role } from '@rhei/runtime';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** What a folder was born for: it never changes. */
export interface Birth {
  clock: 'system' | 'replay';
  /** Name of its story; absent on a platform that is used for real. */
  story?: string;
}

/** The state of an embedded platform: database cluster, blobs, principals, tokens and secrets. */
export class DataFolder {
  readonly path: string;

  /** Opens the folder, or makes it. Errors: `invalid` when it cannot be written, `conflict` when another platform runs in it or it was born for something else. */
  constructor(path: string, birth: Birth) {
    this.path = resolve(path);
    try {
      mkdirSync(this.path, { recursive: true });
      accessSync(this.path, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw invalid(`The data folder ${this.path} cannot be written: ${(error as Error).message}.`, { field: '--data', hint: 'choose another with --data DIR' });
    }
    const born = this.read<Birth>('birth.json');
    if (born === undefined) this.write('birth.json', birth);
    else if (born.clock !== birth.clock) {
      throw invalid(`The data folder ${this.path} has a ${born.clock === 'replay' ? 'virtual' : 'system'} clock; it cannot be started with a ${birth.clock === 'replay' ? 'virtual' : 'system'} one.`, {
        field: '--data', hint: born.clock === 'replay' ? `it holds the story "${born.story}"; going live needs a new folder: --data DIR` : 'a story needs a folder of its own: --data DIR',
      });
    }
    const running = this.read<{ pid: number }>('platform.json');
    if (running !== undefined && isAlive(running.pid)) throw conflict(`Another platform (process ${running.pid}) runs in ${this.path}.`, { field: '--data', hint: 'stop it, or choose another folder with --data DIR' });
  }

  get isNew(): boolean {
    return !existsSync(this.file('principals.json'));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  read<T>(name: string): T | undefined {
    return existsSync(this.file(name)) ? (JSON.parse(readFileSync(this.file(name), 'utf8')) as T) : undefined;
  }

  /** Whole or not at all, readable by its owner alone. */
  write(name: string, value: unknown): void {
    writeFileSync(this.file(`${name}.new`), `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
    renameSync(this.file(`${name}.new`), this.file(name));
  }

  remove(name: string): void {
    rmSync(this.file(name), { force: true });
  }

  /** A secret that is made once and kept. */
  secret(name: string): string {
    const secrets = this.read<Record<string, string>>('secrets.json') ?? {};
    if (secrets[name] === undefined) this.write('secrets.json', { ...secrets, [name]: randomBytes(24).toString('hex') });
    return secrets[name] ?? this.read<Record<string, string>>('secrets.json')![name];
  }

  /** Makes the principals that are not there yet; tokens go to `tokens.json`, their hashes to `principals.json`. */
  ensurePrincipals(principals: { name: string; kind: 'person' | 'service'; roles: Role[] }[]): Record<string, string> {
    const tokens = this.read<Record<string, string>>('tokens.json') ?? {};
    const missing = principals.filter(({ name }) => tokens[name] === undefined);
    if (missing.length > 0) {
      const made = createPrincipals(missing);
      this.write('tokens.json', { ...tokens, ...made.tokens });
      this.write('principals.json', [...(this.read<object[]>('principals.json') ?? []), ...made.stored]);
      return { ...tokens, ...made.tokens };
    }
    return tokens;
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('platform');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
