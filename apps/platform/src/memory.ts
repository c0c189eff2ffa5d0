import { readdirSync, readFileSync } from 'node:fs';

/**
 * Proportional set size of a process and all of its descendants, in bytes: pages that several processes share are counted in
 * parts. Undefined where the system does not tell (/proc of Linux).
 */
export function memoryOfTree(pid: number): number | undefined {
  try {
    const parents = new Map<number, number>();
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      const parent = parentOf(Number(entry));
      if (parent !== undefined) parents.set(Number(entry), parent);
    }
    const belongs = (candidate: number): boolean => candidate === pid || (parents.has(candidate) && belongs(parents.get(candidate)!));
    return [...parents.keys()].filter(belongs).reduce((sum, one) => sum + proportionalSize(one), 0);
  } catch {
    return undefined;
  }
}

function parentOf(pid: number): number | undefined {
  try {
    // The name in parentheses may hold anything; what follows the last one is well formed.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function proportionalSize(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
