import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { root, smallStory, type StoryReport } from './platform-process';

interface Said {
  code: number;
  output: string;
}

export interface Replay {
  /** The step that the driver has begun, -1 before the first. */
  step(): number;
  ended: Promise<Said & { report?: StoryReport }>;
}

/** The system of docker-compose.yml with volumes, secrets and an address of its own, on a stage for stories. */
export class Deployment {
  private constructor(readonly project: string, readonly folder: string, readonly address: string) {}

  /** Makes secrets, starts everything and waits until all is healthy. The images of the services are there. */
  static async up(project: string, address: string, story = smallStory): Promise<Deployment> {
    const deployment = new Deployment(project, mkdtempSync(join(tmpdir(), `${project}-`)), address);
    try {
      await deployment.run(process.execPath, [join(root, 'infra', 'workspace', 'secrets.mjs'), '--dir', deployment.folder, '--host', address, '--story', story]);
      await deployment.compose('up', '-d', '--wait', '--wait-timeout', '240', '--no-build');
    } catch (error) {
      const logs = await deployment.logs().catch(() => '');
      await deployment.down();
      throw new Error(`${(error as Error).message}\n${logs.slice(-6_000)}`);
    }
    return deployment;
  }

  async down(): Promise<void> {
    await this.compose('down', '--volumes', '--timeout', '3').catch(() => '');
    rmSync(this.folder, { recursive: true, force: true });
  }

  compose(...args: string[]): Promise<string> {
    return this.run('docker', ['compose', '--project-name', this.project, '--project-directory', root, '--file', join(root, 'docker-compose.yml'), ...args]);
  }

  /** What all containers said so far. */
  logs(...services: string[]): Promise<string> {
    return this.compose('logs', '--no-color', '--no-log-prefix', ...services);
  }

  /** `kill -9` of what runs in the container, then a start. */
  async killAndStart(service: string): Promise<void> {
    await this.compose('kill', '--signal', 'SIGKILL', service);
    await this.compose('start', service);
  }

  /** Away for so long. */
  async stopFor(service: string, seconds: number): Promise<void> {
    await this.compose('stop', '--timeout', '5', service);
    await pause(seconds * 1_000);
    await this.compose('start', service);
  }

  token(principal: string): string {
    return (JSON.parse(readFileSync(join(this.folder, 'tokens.json'), 'utf8')) as Record<string, string>)[principal];
  }

  secret(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8').trim();
  }

  /** The first column of the first row, as the database's administrator. */
  async count(service: string, sql: string): Promise<number> {
    return Number((await this.compose('exec', '-T', `postgres-${service}`, 'psql', '-U', 'postgres', '-d', service, '-Atc', sql)).trim());
  }

  /** The command line against this deployment. */
  async rhei(...args: string[]): Promise<Said> {
    return this.started(args).ended;
  }

  replay(story: string, ...options: string[]): Replay {
    const state = join(this.folder, 'story.json');
    const report = join(this.folder, 'report.json');
    const { ended } = this.started(['replay', story, '--state', state, '--report', report, ...options]);
    return {
      step() {
        try {
          return (JSON.parse(readFileSync(state, 'utf8')) as { step: number }).step;
        } catch {
          return -1;
        }
      },
      ended: ended.then((said) => (said.code === 0 ? { ...said, report: JSON.parse(readFileSync(report, 'utf8')) as StoryReport } : said)),
    };
  }

  private started(args: string[]): { ended: Promise<Said> } {
    const child = spawn(process.execPath, [join(root, 'apps', 'cli', 'bin', 'rhei.mjs'), ...args, '--data', this.folder], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '' } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    return { ended: new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? -1, output }))) };
  }

  private run(command: string, args: string[]): Promise<string> {
    const env = { ...process.env, RHEI_SECRETS: this.folder, BIND: this.address, JAEGER_BIND: this.address, CLOCK: 'replay', CLOCK_START: '2001-01-01T00:00:00Z', LOG_LEVEL: 'warn' };
    return new Promise((resolve, reject) => {
      execFile(command, args, { cwd: root, env, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) =>
        error ? reject(new Error(`${[command, ...args].join(' ')}: ${stderr.slice(-4_000) || error.message}`)) : resolve(stdout));
    });
  }
}
