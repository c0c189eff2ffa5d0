import { RheiError } from '@rhei/contracts';
import { createInterface } from 'node:readline/promises';
import { findTarget, type TargetFlags } from './connect';
import { paintFor } from './paint';
import { Platform } from './platform';

/** What a command sees of its process. */
export interface Terminal {
  env: Record<string, string | undefined>;
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}

export interface GlobalFlags extends TargetFlags {
  json?: boolean;
}

/** Raised by Ctrl-C, and by a "no" to a question: nothing was done. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** One invocation: its flags, its platform, and its two voices (data to stdout, messages to stderr). */
export class Context {
  flags: GlobalFlags = {};
  exitCode = 0;
  private opened?: Platform;

  constructor(readonly terminal: Terminal) {}

  get json(): boolean {
    return this.flags.json === true;
  }

  /** The platform of the flags, the environment or the data folder; found when it is first needed. */
  get platform(): Platform {
    return (this.opened ??= new Platform(findTarget(this.flags, this.terminal.env)));
  }

  /** Set once a command has looked for its platform: says where address and token came from. */
  get target(): Platform['target'] | undefined {
    return this.opened?.target;
  }

  /** Columns into which data fits on a terminal. Nothing is shortened or broken for a program that reads it from a pipe. */
  get width(): number {
    const { isTTY, columns } = this.terminal.stdout;
    return isTTY === true ? (columns || 80) : Infinity;
  }

  get paint() {
    return paintFor(this.terminal.stdout, this.terminal.env);
  }

  /** The command's result: JSON when `--json` was said, else text for a person. */
  result(data: unknown, text: () => string): void {
    this.terminal.stdout.write(this.json ? `${JSON.stringify(data, null, 2)}\n` : text());
  }

  say(message: string): void {
    this.terminal.stderr.write(`${message}\n`);
  }

  /** Next steps and such: left out where nobody reads them. */
  suggest(message: string): void {
    if (!this.json) this.say(message);
  }

  get interactive(): boolean {
    return this.terminal.stdin.isTTY === true && this.terminal.stderr.isTTY === true;
  }

  /** Asks for a yes. Errors: `invalid` when nobody is there to answer, {@link Interrupted} for anything but a yes. */
  async confirm(question: string): Promise<void> {
    if (!this.interactive) throw new RheiError('invalid', 'Nobody is there to ask.', { field: '--yes', expected: 'somebody to ask, or --yes', got: 'no terminal', hint: 'say --yes to go on without a question' });
    const prompt = createInterface({ input: this.terminal.stdin, output: this.terminal.stderr });
    try {
      const answer = await new Promise<string>((resolve) => {
        prompt.once('SIGINT', () => resolve(''));
        prompt.once('close', () => resolve(''));
        void prompt.question(`${question} [y/N] `).then(resolve, () => resolve(''));
      });
      if (!/^y(es)?$/i.test(answer.trim())) throw new Interrupted('Nothing was done.');
    } finally {
      prompt.close();
    }
  }

  close(): void {
    this.opened?.close();
  }
}
