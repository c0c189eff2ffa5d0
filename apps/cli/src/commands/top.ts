import { RheiError } from '@rhei/contracts';
import { Command } from 'commander';
import { setTimeout as after } from 'node:timers/promises';
import type { Context } from '../context';
import { explained } from '../help';
import { takeScreen } from '../screen';
import { readTop, type Counted } from '../top-facts';
import { frameOf } from '../top-frame';

const pace = 2_000;

export function topCommand(context: Context): Command {
  return explained(new Command('top'), {
    purpose: 'Shows the platform live: services, deployments, monitors and open runs, drawn again every two seconds. "q" ends it.',
    examples: ['rhei top', 'rhei top --once', 'rhei top --json'],
  })
    .option('--once', 'print one frame; so does a pipe, and --json')
    .action(({ once }: { once?: boolean }) => top(context, once === true));
}

async function top(context: Context, once: boolean): Promise<void> {
  const { platform, terminal } = context;
  const now = (): number => performance.now();
  const first = await readTop(platform, now);
  const draw = (facts: typeof first.facts): string[] => frameOf(facts, { address: platform.target.http, width: context.width, paint: context.paint });
  if (once || context.json || terminal.stdout.isTTY !== true) {
    context.result(first.facts, () => `${draw(first.facts).join('\n')}\n`);
    if (first.facts.services.some(({ ready }) => !ready) || first.facts.silent.length > 0) context.exitCode = 7;
    return;
  }
  await live(context, first, async (counted) => {
    const { facts, counted: next } = await readTop(platform, now, counted);
    return { lines: draw(facts), counted: next };
  }, draw(first.facts));
}

type Next = (counted: Counted) => Promise<{ lines: string[]; counted: Counted }>;

/** Draws until somebody quits; a frame that cannot be read says so, and the next one is tried. */
async function live(context: Context, { counted: initial }: { counted: Counted }, next: Next, firstLines: string[]): Promise<void> {
  const { stdin, stdout } = context.terminal;
  const ended = new AbortController();
  const over = new Promise<undefined>((resolve) => ended.signal.addEventListener('abort', () => resolve(undefined)));
  const onKey = (key: Buffer | string): void => {
    if (/[q\x03\x04]/i.test(String(key))) ended.abort();
  };
  const terminal = takeScreen(stdout, (exitCode) => {
    context.exitCode = exitCode;
    ended.abort();
  });
  stdin.setRawMode?.(true);
  stdin.on('data', onKey);
  let counted = initial;
  let lines = firstLines;
  try {
    while (!ended.signal.aborted) {
      stdout.write(screen(lines, stdout.rows));
      await after(pace, undefined, { signal: ended.signal }).catch(() => undefined);
      if (ended.signal.aborted) break;
      try {
        // Who has quit does not wait for an answer that may never come.
        const frame = await Promise.race([next(counted), over]);
        if (frame === undefined) break;
        ({ lines, counted } = frame);
      } catch (error) {
        if (!(error instanceof RheiError)) throw error;
        lines = [`${error.code}: ${error.message}`, '', 'Trying again.'];
      }
    }
  } finally {
    stdin.off('data', onKey);
    stdin.setRawMode?.(false);
    stdin.pause();
    terminal.leave();
  }
}

/** The lines that fit, over whatever stood there: nothing is cleared first, so that nothing flickers. */
function screen(lines: string[], rows = 24): string {
  const foot = 'q quits';
  const room = Math.max(1, rows - 2);
  const shown = lines.length > room ? [...lines.slice(0, room - 1), `… ${lines.length - room + 1} lines more: make the window higher, or say --once`] : lines;
  return `\x1b[H${[...shown, '', foot].map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`;
}
