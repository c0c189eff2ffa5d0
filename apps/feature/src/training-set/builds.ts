import { resume } from '@rhei/runtime';
import type { Deps } from '../deps';
import { build, fail } from './build';
import { JoinFailed } from './point-in-time-join';
import type { TrainingSet } from './training-set';
import { nextBuild } from './training-set.store';

const mostAttempts = 3;

/**
 * Builds training sets one after the other. It is woken whenever one may have become ready and takes what to do from
 * rows, so a build that was killed in the middle is done again. Two replicas may do the same build: the result is the
 * same, and one of them commits it.
 */
export class Builds {
  private running?: Promise<void>;
  private wokenAgain = false;
  private stop?: AbortController;
  private readonly attempts = new Map<string, number>();

  constructor(private readonly deps: Omit<Deps, 'builds'>) {}

  start(): void {
    this.stop = new AbortController();
    this.wake();
  }

  async end(): Promise<void> {
    this.stop?.abort();
    await this.running;
    this.stop = undefined;
  }

  /** Looks for work, unless that is going on; before the start and after the end nothing happens. */
  wake(): void {
    if (this.stop === undefined || this.stop.signal.aborted) return;
    this.wokenAgain = true;
    this.running ??= this.work(this.stop.signal).finally(() => (this.running = undefined));
  }

  private async work(signal: AbortSignal): Promise<void> {
    try {
      while (this.wokenAgain && !signal.aborted) {
        this.wokenAgain = false;
        for (let next = await nextBuild(this.deps.database); next !== undefined && !signal.aborted; next = await nextBuild(this.deps.database)) await this.attempt(next, signal);
      }
    } catch (error) {
      // The database or the blob store is away. The rows are as they were, and the next call, event or listing wakes us again.
      if (!signal.aborted) this.deps.log.warn({ err: error }, 'Training sets wait: their build could not go on.');
    }
  }

  private async attempt(next: TrainingSet, signal: AbortSignal): Promise<void> {
    const attempt = (this.attempts.get(next.id) ?? 0) + 1;
    this.attempts.set(next.id, attempt);
    const { id, featureSet, traceparent } = next;
    const span = { name: 'build training set', attributes: { 'rhei.training_set.id': id, 'rhei.feature_set': featureSet } };
    try {
      // It was woken by whatever came by: the trace is that of who asked.
      await resume({ service: 'feature', traceparent, span: () => span }, () => build(this.deps, next, signal));
      this.attempts.delete(next.id);
    } catch (error) {
      if (signal.aborted || isAway(error)) throw error;
      this.deps.log.warn({ err: error, trainingSet: next.id, attempt }, 'A training set could not be built.');
      if (attempt < mostAttempts && error instanceof JoinFailed) return;
      await resume({ service: 'feature', traceparent }, () => fail(this.deps, next, error instanceof Error ? error.message : String(error)));
      this.attempts.delete(next.id);
    }
  }
}

/** Whether a store did not answer: then the build itself has not failed. Postgres' classes 08, 53 and 57 are connection, resources and shutdown. */
function isAway(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'unavailable' || code === 'deadline_exceeded' || code === 'overloaded' || (typeof code === 'string' && /^(08|53|57|ECONN|EPIPE)/.test(code));
}
