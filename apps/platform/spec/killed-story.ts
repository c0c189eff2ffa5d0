import { setTimeout as pause } from 'node:timers/promises';
import { kill, PlatformProcess, stepOf, type StoryReport } from './platform-process';

export type Victim = 'driver' | 'platform' | 'group';
export interface Kill {
  /** The step of the story in which it happens. */
  at: number;
  victim: Victim;
}

/** Tells a story in a folder, killing at the given steps, and starting it again each time. Errors: what was said, when the last start does not end well. */
export async function tell(folder: string, args: string[], kills: readonly Kill[] = []): Promise<StoryReport> {
  const left = [...kills];
  for (;;) {
    const platform = PlatformProcess.start(folder, args);
    const next = left.shift();
    if (next !== undefined) {
      let over = false;
      void platform.ended.then(() => { over = true; });
      while (!over && (stepOf(folder)?.step ?? -1) < next.at) await pause(5);
      // Anywhere within the step, not only at its beginning.
      await pause(Math.random() * 60);
      if (next.victim === 'driver') kill(platform.driver() ?? platform.pid);
      else if (next.victim === 'platform') kill(platform.pid);
      else platform.killGroup();
    }
    const { code, output } = await platform.ended;
    // What is left of the group must not go on beside the next start.
    platform.killGroup();
    if (next === undefined) {
      if (code !== 0) throw new Error(`exit ${code}\n${output.slice(-4000)}`);
      return platform.report();
    }
  }
}

/** Three steps of a story that has `steps`, ascending. */
export const chosenSteps = (steps: number): number[] => Array.from({ length: 3 }, () => 1 + Math.floor(Math.random() * (steps - 2))).sort((a, b) => a - b);
