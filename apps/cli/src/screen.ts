import { constants } from 'node:os';

const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Screen {
  /** Gives back what stood there before; a second time it does nothing. */
  leave(): void;
}

/**
 * Takes the terminal's other screen, without a cursor, and gives it back however the program ends. `ended` is called when it
 * is ended from outside: by a signal, with the exit code that a shell gives it, or with 0 when nobody reads any more.
 */
export function takeScreen(stdout: NodeJS.WriteStream, ended: (exitCode: number) => void): Screen {
  let taken = true;
  const giveBack = (): void => {
    if (!taken) return;
    taken = false;
    process.off('exit', giveBack);
    for (const signal of signals) process.off(signal, onSignal);
    stdout.off('error', onError);
    if (stdout.writable) stdout.write(leave);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    giveBack();
    ended(128 + constants.signals[signal]);
  };
  const onError = (): void => {
    giveBack();
    ended(0);
  };
  process.once('exit', giveBack);
  // Before those who end the process at once, and whose last words would stand on the other screen.
  for (const signal of signals) process.prependOnceListener(signal, onSignal);
  stdout.once('error', onError);
  stdout.write(enter);
  return { leave: giveBack };
}
