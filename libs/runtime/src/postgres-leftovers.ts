import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from './alive';

/** The server that `postmaster.pid` names, when it lives and works on this very folder. */
export function postmasterOf(data: string): { pid: number; port: number } | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || pid <= 1 || !Number.isInteger(port) || port <= 0) return undefined;
  // Numbers of processes are used again: the folder in which it works tells whether it is the one that was meant.
  const where = workingFolder(pid);
  if (!isAlive(pid) || (where !== undefined && where !== realpathSync(data))) return undefined;
  return { pid, port };
}

/** Backends of a server that is gone, by their working folder. Empty where the system does not show it (there is no /proc). */
export function leftoverBackends(data: string): number[] {
  let numbers: number[];
  try {
    numbers = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
  } catch {
    return [];
  }
  return numbers.filter((pid) => workingFolder(pid) === data && commandOf(pid) === 'postgres');
}

function workingFolder(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
