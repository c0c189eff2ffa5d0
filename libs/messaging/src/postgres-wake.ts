import { randomUUID } from 'node:crypto';

export const wakeChannel = 'rhei_log';
/** Milliseconds between two NOTIFYs: each takes a lock of the whole server for a moment, and wakes every listener. */
const notifyEvery = 20;

/** `topic/partition` → the next offset to be written, as far as this process knows. */
export type Heads = Map<string, number>;
export type Hear = (heads: Heads) => void;

/**
 * Tells the subscriptions of this process at once, and those of others by NOTIFY, that a log has grown.
 * A hint, never needed: whoever misses it looks for itself a little later.
 */
export class Wake {
  private static readonly byLog = new Map<string, Wake>();

  /** One for each log of this process, whatever role it is opened with. */
  static of(url: string): Wake {
    const { hostname, port, pathname, searchParams } = new URL(url);
    const log = `${searchParams.get('host') ?? hostname}:${port || 5432}${pathname}`;
    let wake = Wake.byLog.get(log);
    if (!wake) Wake.byLog.set(log, (wake = new Wake()));
    return wake;
  }

  private readonly self = randomUUID();
  private readonly ears = new Set<Hear>();
  private untold: Heads = new Map();
  private timer: NodeJS.Timeout | undefined;

  /** Returns what ends it. */
  listen(hear: Hear): () => void {
    this.ears.add(hear);
    return () => this.ears.delete(hear);
  }

  /** Called after the commit. `notify` carries the payload to other processes; it may fail. */
  appended(lane: string, head: number, notify: (payload: string) => Promise<unknown>): void {
    const heads: Heads = new Map([[lane, head]]);
    for (const hear of this.ears) hear(heads);
    this.untold.set(lane, head);
    this.timer ??= setTimeout(() => {
      const payload = `${this.self} ${JSON.stringify([...this.untold])}`;
      this.untold = new Map();
      this.timer = undefined;
      notify(payload).catch(() => undefined);
    }, notifyEvery);
  }

  /** A payload that came by NOTIFY; the process's own were heard already. */
  heard(payload: string): Heads {
    const space = payload.indexOf(' ');
    if (space < 0 || payload.slice(0, space) === this.self) return new Map();
    return new Map(JSON.parse(payload.slice(space + 1)) as [string, number][]);
  }
}
