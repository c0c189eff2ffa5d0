import type { Instant } from '@rhei/runtime';
import type { ModelSession } from './model-session';

/** The version that answers for one model on this replica. */
export interface Live extends Champion {
  session: ModelSession;
}

/** Which version of each model answers on this replica: one pointer per model, and a count of the calls that still use an old one. */
export class Traffic {
  private readonly live = new Map<string, Live>();
  private readonly calls = new Map<Live, { count: number; idle?: () => void }>();

  of(model: string): Live | undefined {
    return this.live.get(model);
  }

  /** Whether any model has a live version here. */
  answers(): boolean {
    return this.live.size > 0;
  }

  /** Uses the live version for one call; it stays loaded until the call is over, whatever is switched meanwhile. */
  async using<T>(live: Live, call: (live: Live) => Promise<T>): Promise<T> {
    const use = this.calls.get(live) ?? { count: 0 };
    this.calls.set(live, use);
    use.count += 1;
    try {
      return await call(live);
    } finally {
      use.count -= 1;
      if (use.count === 0) use.idle?.();
    }
  }

  /** Moves the pointer; an older revision changes nothing. Returns the version that no longer gets new calls. */
  switchTo(next: Live): { switched: boolean; before?: Live } {
    const before = this.live.get(next.model);
    if (before !== undefined && before.revision >= next.revision) return { switched: false };
    this.live.set(next.model, next);
    return { switched: true, before };
  }

  /** Waits for the last call of a version that was switched away, then frees it. */
  async release(old: Live): Promise<void> {
    const use = this.calls.get(old);
    if (use !== undefined && use.count > 0) await new Promise<void>((resolve) => { use.idle = resolve; });
    this.calls.delete(old);
    await old.session.release();
  }
}

export interface Champion {
  model: string;
  version: number;
  digest: string;
  revision: number;
  replaces: number;
  promotedAt: Instant;
}
