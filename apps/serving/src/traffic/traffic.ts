import type { ModelSession } from './model-session';
import type { Plan, Version } from './plan';
import type { Held } from './sessions';

/** A version that is loaded on this replica. */
export interface Loaded extends Version {
  session: ModelSession;
}

/** How this replica divides the traffic of one deployment. */
export interface Division {
  readonly plan: Plan;
  readonly live: Loaded;
  /** Only where a candidate is tried. */
  readonly candidate?: Loaded;
  /** All models of the plan that are loaded for it. */
  readonly held: readonly Held[];
}

/** How each deployment is answered on this replica: one pointer per deployment, and a count of the calls that still use an old division. */
export class Traffic {
  private readonly divisions = new Map<string, Division>();
  private readonly calls = new Map<Division, { count: number; idle?: () => void }>();

  of(deployment: string): Division | undefined {
    return this.divisions.get(deployment);
  }

  /** Whether any deployment has a live version here. */
  answers(): boolean {
    return this.divisions.size > 0;
  }

  /** Uses a division for one call; its models stay loaded until the call is over, whatever is switched meanwhile. */
  async using<T>(division: Division, call: (division: Division) => Promise<T>): Promise<T> {
    const use = this.calls.get(division) ?? { count: 0 };
    this.calls.set(division, use);
    use.count += 1;
    try {
      return await call(division);
    } finally {
      use.count -= 1;
      if (use.count === 0) use.idle?.();
    }
  }

  /** Moves the pointer; an older revision changes nothing. Returns the division that no longer gets new calls. */
  switchTo(next: Division): { switched: boolean; before?: Division } {
    const { deployment, revision } = next.plan;
    const before = this.divisions.get(deployment);
    if (before !== undefined && before.plan.revision >= revision) return { switched: false };
    this.divisions.set(deployment, next);
    return { switched: true, before };
  }

  /** Waits for the last call of a division that was switched away, then lets go of its models. */
  async release(old: Division): Promise<void> {
    const use = this.calls.get(old);
    if (use !== undefined && use.count > 0) await new Promise<void>((resolve) => { use.idle = resolve; });
    this.calls.delete(old);
    await Promise.all(old.held.map((one) => one.release()));
  }
}
