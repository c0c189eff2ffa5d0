import type { Blobs } from '@rhei/runtime';
import { ModelSession } from './model-session';

/** A loaded model that somebody uses; it stays loaded until all have let go of it. */
export interface Held {
  readonly session: ModelSession;
  release(): Promise<void>;
}

/** Loaded models by digest: deployments and stages that share a version share its session. */
export class Sessions {
  private readonly loaded = new Map<string, { session: Promise<ModelSession>; uses: number }>();

  constructor(private readonly load: (digest: string) => Promise<ModelSession>) {}

  static over(blobs: Blobs): Sessions {
    return new Sessions((digest) => ModelSession.load(blobs, digest));
  }

  /** Errors: those of {@link ModelSession.load}. */
  async hold(digest: string): Promise<Held> {
    const entry = this.loaded.get(digest) ?? { session: this.load(digest), uses: 0 };
    this.loaded.set(digest, entry);
    entry.uses += 1;
    let open = true;
    const release = async (): Promise<void> => {
      if (!open) return;
      open = false;
      entry.uses -= 1;
      if (entry.uses > 0) return;
      if (this.loaded.get(digest) === entry) this.loaded.delete(digest);
      await entry.session.then((session) => session.release(), () => undefined);
    };
    try {
      return { session: await entry.session, release };
    } catch (error) {
      // The next one tries again: what could not be fetched may be there then.
      await release();
      throw error;
    }
  }
}
