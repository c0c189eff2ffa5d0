import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = join(__dirname, '..', '..', '..');
export const wholeStory = join(root, 'examples', 'flights', 'story.yaml');
export const smallStory = join(root, 'examples', 'flights', 'story-small.yaml');
/** From May on there is nothing to learn. */
export const randomStory = join(root, 'examples', 'flights', 'story-random.yaml');

/** The report as far as these tests read it. */
export interface StoryReport {
  counts: Record<string, number>;
  digests: Record<string, string>;
  versions: { version: number; state: string; reason: string; liveFrom: string | null }[];
  rollbacks: { version: number; by: string }[];
  quarantine: { mended: number };
  retrainings: number;
  auditVerified: boolean;
  unmet: string[];
  deadLetters: number;
  parked: number;
}

/** A folder that the database server's own user can reach, also where these tests run as root. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rhei-story-'));
  chmodSync(folder, 0o755);
  return folder;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

/** `npm start` without its install and build, as a process group of its own. */
export class PlatformProcess {
  private text = '';
  readonly ended: Promise<Ended>;

  private constructor(private readonly child: ChildProcess, readonly data: string) {
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => { this.text += chunk.toString(); });
    this.ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal, output: this.text })));
  }

  static start(data: string, args: string[], env: Record<string, string> = {}): PlatformProcess {
    const child = spawn(process.execPath, [join(root, 'apps', 'platform', 'dist', 'main.js'), '--data', data, ...args], {
      cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, HTTP_PORT: '0', GRPC_PORT: '0', ...env },
    });
    return new PlatformProcess(child, data);
  }

  get output(): string {
    return this.text;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The process that walks the story, while there is one. */
  driver(): number | undefined {
    try {
      const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
      return children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('rhei.mjs'));
    } catch {
      return undefined;
    }
  }

  /** The platform's process, its driver and what else is in its group, at once. */
  killGroup(): void {
    kill(-this.pid);
  }

  report(): StoryReport {
    return JSON.parse(readFileSync(join(this.data, 'report.json'), 'utf8')) as StoryReport;
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Ends what a killed platform left in the folder, then removes it. */
export function removeFolder(data: string): void {
  const pidFile = join(data, 'postgres', 'data', 'postmaster.pid');
  if (existsSync(pidFile)) kill(Number(readFileSync(pidFile, 'utf8').split('\n')[0]));
  rmSync(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

/** How far the story of a folder is, as its driver noted it. */
export function stepOf(data: string): { step: number; phase: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(data, 'story.json'), 'utf8')) as { step: number; phase: string };
  } catch {
    return undefined;
  }
}
