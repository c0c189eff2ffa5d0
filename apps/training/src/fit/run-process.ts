import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '@rhei/runtime';
import type { FitResult, FitTask, FromChild, Phase } from './task';

/**
 * How the process of a run ended. `known`: an earlier run had the same inputs, so nothing was fitted. `died`: it was killed
 * or crashed, by no word of its own.
 */
export type Ending = { type: 'done'; result: FitResult } | { type: 'known'; run: string; inputsDigest: string } | { type: 'refused'; reason: string } | { type: 'died'; reason: string } | { type: 'stopped' };

export interface ProcessLimits {
  memoryMb: number;
  seconds: number;
}

/** What the process tells while it works. */
export interface Heard {
  /** The share that is done. */
  progress(done: number): void;
  /** A part of the work that begins, and one that is over. */
  begun?(name: string): void;
  phase?(phase: Phase): void;
  /** Says which earlier run rests on the same; undefined: the fit goes on. */
  known?(inputsDigest: string): Promise<string | undefined>;
}

/** The compiled script, also where the rest runs on sources. */
const script = [join(__dirname, 'child.js'), join(__dirname, '..', '..', 'dist', 'fit', 'child.js')].find((file) => existsSync(file)) ?? '';

/** Fits a run in a process of its own, which ends when `signal` aborts, when its time is over, or with this process. */
export async function runProcess(task: FitTask, limits: ProcessLimits, heard: Heard, signal: AbortSignal): Promise<Ending> {
  if (script === '') throw new Error('The script of a run is not built; expected dist/fit/child.js. Run "npm run build".');
  // No variable of this service reaches the process: it needs none, and some are secret.
  const child = fork(script, [], { env: {}, serialization: 'advanced', execArgv: [`--max-old-space-size=${limits.memoryMb}`], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const over = new AbortController();
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  let outOfTime = false;
  void pause(limits.seconds * 1000, over.signal).then(() => {
    if (over.signal.aborted) return;
    outOfTime = true;
    kill();
  });
  try {
    const ending = await ended(child, task, heard);
    if (signal.aborted) return { type: 'stopped' };
    return outOfTime ? { type: 'refused', reason: `The run took longer than its ${limits.seconds} s. Give it more by TRAINING_RUN_SECONDS, or let its plan ask for fewer trees.` } : ending;
  } finally {
    over.abort();
    signal.removeEventListener('abort', kill);
  }
}

function ended(child: ChildProcess, task: FitTask, heard: Heard): Promise<Ending> {
  return new Promise((resolve) => {
    let complaint = '';
    let answer: Ending | undefined;
    const goOn = async (digest: string): Promise<void> => {
      try {
        const run = await heard.known?.(digest);
        if (run === undefined) return void child.send('go', () => undefined);
        answer = { type: 'known', run, inputsDigest: digest };
      } catch {
        // Whether it is known cannot be told now: a later look asks again.
        answer = { type: 'stopped' };
      }
      child.kill('SIGKILL');
    };
    child.stderr!.on('data', (chunk: Buffer) => { complaint = (complaint + chunk.toString()).slice(0, 1_000); });
    child.on('message', (message: FromChild) => {
      if (message.type === 'progress') heard.progress(message.done);
      else if (message.type === 'begin') heard.begun?.(message.name);
      else if (message.type === 'phase') heard.phase?.(message);
      else if (message.type === 'inputs') void goOn(message.digest);
      else answer = message.type === 'done' ? { type: 'done', result: { ...(JSON.parse(message.resultJson) as Omit<FitResult, 'artifact'>), artifact: message.artifact } } : message;
    });
    child.on('error', (error) => resolve({ type: 'died', reason: error.message }));
    child.on('close', (code, killed) => resolve(answer ?? { type: 'died', reason: `The process of the run ended with ${killed ?? `code ${code}`}.${complaint === '' ? '' : ` It said: ${complaint}`}` }));
    child.send(task, (error) => error && child.kill('SIGKILL'));
  });
}
