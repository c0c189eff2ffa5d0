import { readdirSync, readFileSync } from 'node:fs';

interface Stat {
  parent: number;
  /** Seconds of its own, and of the children that it has waited for. */
  own: number;
  children: number;
}

/** /proc counts in hundredths of a second. */
function statOf(pid: number): Stat {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ').map(Number);
  return { parent: fields[1], own: (fields[11] + fields[12]) / 100, children: (fields[13] + fields[14]) / 100 };
}

/** Processor seconds of a process so far. Linux only. */
export const processorOf = (pid: number): number => statOf(pid).own;

/** Processor seconds of the PostgreSQL server of which this process is a backend: of all that live, and of those that have ended. */
export function processorOfServer(backend: number): number {
  const postmaster = statOf(backend).parent;
  const living = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map((entry) => {
    try {
      const { parent, own } = statOf(Number(entry));
      return parent === postmaster ? own : 0;
    } catch {
      // It has ended meanwhile.
      return 0;
    }
  });
  const { own, children } = statOf(postmaster);
  return living.reduce((sum, one) => sum + one, own + children);
}
