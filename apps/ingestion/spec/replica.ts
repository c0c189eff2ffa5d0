import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The built service in a process of its own, which can be killed. */
export class Replica {
  private readonly child: ChildProcess;
  private readonly lines: string[] = [];
  private readonly addresses: Promise<{ http: string; grpc: string }>;

  private constructor(env: Record<string, string>) {
    this.child = spawn(process.execPath, [join(__dirname, '..', 'dist', 'main.js')], { env: { PATH: process.env['PATH'], ...env, HTTP_PORT: '0', GRPC_PORT: '0', LOG_LEVEL: 'info' }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stderr!.on('data', (text: Buffer) => this.lines.push(text.toString()));
    const out = createInterface({ input: this.child.stdout! });
    out.on('line', (line) => this.lines.push(line));
    this.addresses = new Promise((resolve, reject) => {
      let ports: { httpPort: number; grpcPort: number } | undefined;
      out.on('line', (line) => {
        const { msg, httpPort, grpcPort } = JSON.parse(line) as { msg: string; httpPort: number; grpcPort: number };
        if (msg === 'listening') ports = { httpPort, grpcPort };
        if (msg === 'ready') resolve({ http: `http://127.0.0.1:${ports!.httpPort}`, grpc: `127.0.0.1:${ports!.grpcPort}` });
      });
      this.child.once('exit', (code, signal) => reject(new Error(`The service ended (${signal ?? code}):\n${this.lines.slice(-30).join('\n')}`)));
    });
    this.addresses.catch(() => undefined);
  }

  /** Resolves when it is ready. */
  static async start(env: Record<string, string>): Promise<Replica & { http: string; grpc: string }> {
    const replica = new Replica(env);
    return Object.assign(replica, await replica.addresses);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** What it has logged. */
  get log(): string {
    return this.lines.join('\n');
  }

  /** SIGKILL: at once. SIGTERM: as its host stops it. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    await once(this.child, 'exit');
  }
}
