import { pause } from '@rhei/runtime';

/** Milliseconds between looks at replicas that have not switched: one of them may have ended. */
const lookEvery = 500;

/** Switches that this replica has made and others have not: looked at until all have, or the rest have ended. */
export class PendingSwitches {
  private readonly asked = new Map<string, number>();
  private readonly loops = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();

  /** Asks `isOver` from time to time, one loop per model, until it says so; what fails is asked again. */
  watch(model: string, isOver: () => Promise<boolean>): void {
    this.asked.set(model, (this.asked.get(model) ?? 0) + 1);
    if (!this.loops.has(model)) this.loops.set(model, this.untilOver(model, isOver));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.loops.values());
  }

  private async untilOver(model: string, isOver: () => Promise<boolean>): Promise<void> {
    for (;;) {
      await pause(lookEvery, this.stopping.signal);
      if (this.stopping.signal.aborted) break;
      const asked = this.asked.get(model);
      // Another switch may have begun to wait since the question was put.
      if ((await isOver().catch(() => false)) && asked === this.asked.get(model)) break;
    }
    this.loops.delete(model);
  }
}
