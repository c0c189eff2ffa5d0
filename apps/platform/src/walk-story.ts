import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Options } from './options';

/** Replays the story by the command that people use; resolves with its exit code. */
export function walkStory({ story, rows, shuffleDays }: Options, folder: string, report: string, signal: AbortSignal): Promise<number> {
  const rhei = join(dirname(createRequire(__filename).resolve('@rhei/cli/package.json')), 'bin', 'rhei.mjs');
  const args = [
    rhei, 'replay', story, '--data', folder, '--report', report,
    ...(rows === undefined ? [] : ['--rows', String(rows)]), ...(shuffleDays ? ['--shuffle-days'] : []),
  ];
  return new Promise((resolve, reject) => {
    const driver = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    signal.addEventListener('abort', () => driver.kill('SIGINT'));
    driver.on('error', reject);
    driver.on('exit', (code) => resolve(code ?? 1));
  });
}
