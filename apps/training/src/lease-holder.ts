import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isAlive } from '@rhei/runtime';

const open = new Set<string>();

/** Who holds leases. The name says where it lives, so that others on the same machine need not wait for a dead one. */
export class LeaseHolder {
  readonly name = `${hostname()}/${process.pid}/${randomUUID()}`;

  constructor() {
    open.add(this.name);
  }

  /** From here on nobody waits for it. */
  close(): void {
    open.delete(this.name);
  }
}

/** Whether a holder of this machine is certainly gone. Of another machine nothing is known: its beat tells. */
export function isGone(holder: string): boolean {
  const [host, pid] = holder.split('/');
  if (host !== hostname()) return false;
  return Number(pid) === process.pid ? !open.has(holder) : !isAlive(Number(pid));
}
