import 'reflect-metadata';
import { RheiError, serviceNames } from '@rhei/contracts';
import { processEnvironment, type Role, type Running } from '@rhei/runtime';
import { copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DataFolder, type Birth } from './data-folder';
import { startEmbedded, type Embedded } from './embedded';
import { jaegerBeside } from './jaeger-beside';
import { memoryOfTree } from './memory';
import { help, readOptions, type Options } from './options';
import { readStoryStart } from './story-file';
import { walkStory } from './walk-story';
import { whatToTry } from './what-to-try';

const defaultStory = join(__dirname, '..', '..', '..', 'examples', 'flights', 'story.yaml');
const stopping = new AbortController();

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), defaultStory);
  if (options === 'help') {
    process.stdout.write(help);
    return 0;
  }
  const story = options.empty ? undefined : readStoryStart(options.story);
  const birth: Birth = story === undefined ? { clock: 'system' } : { clock: 'replay', story: story.name };
  const folder = new DataFolder(options.data, birth);
  const isNew = folder.isNew;
  const tokens = folder.ensurePrincipals([
    { name: 'admin', kind: 'person', roles: ['admin'] },
    ...serviceNames.map((name) => ({ name, kind: 'service' as const, roles: [`service:${name}` as Role] })),
    ...(story?.principals ?? []).map((principal) => ({ ...principal, kind: 'person' as const })),
  ]);
  const started = performance.now();
  const platform = await startEmbedded(folder, birth, story?.from, tokens);
  const jaeger = jaegerBeside(processEnvironment());
  folder.write('platform.json', { pid: process.pid, http: platform.running.http, grpc: platform.running.grpc, ...(jaeger !== undefined && { jaeger }) });
  process.stderr.write(`Six services are up after ${((performance.now() - started) / 1000).toFixed(1)} s: ${platform.running.http}\n`);
  try {
    const code = story === undefined ? 0 : await tell(options, folder, platform.running);
    if (options.once || stopping.signal.aborted) return stopping.signal.aborted ? 130 : code;
    process.stdout.write(whatToTry(folder, platform.running, { isNew, story: story !== undefined, example: dirname(defaultStory) }));
    await new Promise<void>((end) => (stopping.signal.aborted ? end() : stopping.signal.addEventListener('abort', () => end())));
    return code;
  } finally {
    await stop(folder, platform);
  }
}

/** Replays the story, unless it is over in this folder; adds what only this process can measure to its report. */
async function tell(options: Options, folder: DataFolder, running: Running): Promise<number> {
  const report = folder.file('report.json');
  if (folder.read<{ phase: string }>('story.json')?.phase === 'done' && existsSync(report)) {
    process.stderr.write(`The story of ${folder.path} is over; its report is ${report}.\n`);
    if (options.report !== undefined) copyFileSync(report, resolve(options.report));
    if (options.reportDir !== undefined && existsSync(folder.file('report'))) cpSync(folder.file('report'), resolve(options.reportDir), { recursive: true });
    return (JSON.parse(readFileSync(report, 'utf8')) as { unmet: string[] }).unmet.length === 0 ? 0 : 6;
  }
  const code = await walkStory(options, folder.path, { report, page: folder.file('report') }, running, stopping.signal);
  if (existsSync(report)) {
    const told = JSON.parse(readFileSync(report, 'utf8')) as Record<string, unknown>;
    const complete = `${JSON.stringify({ ...told, memoryBytes: memoryOfTree(process.pid) ?? null }, null, 2)}\n`;
    writeFileSync(report, complete);
    if (options.report !== undefined) writeFileSync(resolve(options.report), complete);
    if (options.reportDir !== undefined) cpSync(folder.file('report'), resolve(options.reportDir), { recursive: true });
  }
  return code;
}

async function stop(folder: DataFolder, platform: Embedded): Promise<void> {
  folder.remove('platform.json');
  await platform.stop();
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(130);
    process.stderr.write('\nStopping … (once more to stop at once)\n');
    stopping.abort();
  });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (error instanceof RheiError) {
      process.stderr.write(`${error.code}: ${error.message}${error.details.hint === undefined ? '' : `\n  ${error.details.hint}`}\n`);
      process.exit(error.code === 'not_found' ? 3 : error.code === 'conflict' ? 5 : 2);
    }
    const { exitCode, message, stack } = error as Error & { exitCode?: number };
    process.stderr.write(`${exitCode === undefined ? (stack ?? message) : message}\n`);
    process.exit(exitCode ?? 1);
  },
);
