import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Running } from '@rhei/runtime';
import type { Options } from './options';

/** Replays the story by the command that people use; resolves with its exit code. */
export function walkStory({ story, rows, seed, shuffleDays }: Options, folder: string, { report, page }: { report: string; page: string }, { http, grpc }: Running, signal: AbortSignal): Promise<number> {
  const rhei = join(dirname(createRequire(__filename).resolve('@rhei/cli/package.json')), 'bin', 'rhei.mjs');
  const args = [
    // The address is said: an RHEI_URL in the user's environment may name another platform.
    rhei, 'replay', story, '--data', folder, '--url', http, '--grpc', grpc, '--report', report, '--report-dir', page,
    ...(rows === undefined ? [] : ['--rows', String(rows)]), ...(seed === undefined ? [] : ['--seed', String(seed)]), ...(shuffleDays ? ['--shuffle-days'] : []),
  ];
  return new Promise((resolve, reject) => {
    const driver = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    signal.addEventListener('abort', () => driver.kill('SIGINT'));
    driver.on('error', reject);
    driver.on('exit', (code) => resolve(code ?? 1));
  });
}
