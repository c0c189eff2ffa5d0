import type { training } from '@rhei/contracts';
import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from './context';
import { cutTo } from './table';

/** Milliseconds between two looks. */
const often = 300;

/** How far something is that a process of the training service works on. */
export interface Progress {
  state: string;
  phase: string;
  progress: number;
}

/** A line that is rewritten on a terminal; elsewhere a line for each part of the work. Nothing with `--json`. */
class ProgressLine {
  private shown = '';

  constructor(private readonly context: Context, private readonly what: string) {}

  show({ state, phase, progress }: Progress): void {
    if (this.context.json) return;
    const { stderr } = this.context.terminal;
    const doing = state === 'waiting' ? 'waits for its training set' : phase === '' ? 'about to begin' : phase;
    if (stderr.isTTY !== true) {
      if (doing !== this.shown) this.context.say(`${this.what}: ${doing}`);
      this.shown = doing;
      return;
    }
    const done = Math.round(progress * 20);
    const share = state === 'waiting' ? '' : ` ${'█'.repeat(done)}${'░'.repeat(20 - done)} ${(100 * progress).toFixed(0).padStart(3)} %`;
    stderr.write(`\r\x1b[2K${cutTo(`${this.what}${share}  ${doing}`, (stderr.columns ?? 80) - 1)}`);
  }

  end(): void {
    if (!this.context.json && this.context.terminal.stderr.isTTY === true) this.context.terminal.stderr.write('\r\x1b[2K');
  }
}

/** Asks again and again until `isOver`, and shows the way there. */
async function follow<T extends Progress>(context: Context, what: string, first: T, isOver: (now: T) => boolean, again: () => Promise<T>): Promise<T> {
  const line = new ProgressLine(context, what);
  let now = first;
  try {
    while (!isOver(now)) {
      line.show(now);
      await pause(often);
      now = await again();
    }
    return now;
  } finally {
    line.end();
  }
}

export function followRun(context: Context, run: training.Run): Promise<training.Run> {
  const { platform } = context;
  return follow(context, `run ${run.id}`, run, ({ state }) => state !== 'waiting' && state !== 'running', async () => (await platform.ask(platform.training, platform.training.getRun, { run: run.id })).run!);
}

export function followReproduction(context: Context, one: training.Reproduction): Promise<training.Reproduction> {
  const { platform } = context;
  return follow(context, `run ${one.run}, again`, one, ({ state }) => state !== 'running', async () => (await platform.ask(platform.training, platform.training.getReproduction, { id: one.id })).reproduction!);
}
