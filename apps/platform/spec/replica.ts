import { run, type Environment, type Running } from '@rhei/runtime';
import { ServingModule } from '@rhei/serving';
import type { RunningServices } from '@rhei/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { root } from './platform-process';

/** Variables of one more replica of serving beside those that run: the same databases, and the peers where they are. */
export const replicaOf = ({ env, grpc }: Pick<RunningServices, 'env' | 'grpc'>, changes: Environment = {}): Environment =>
  ({ ...env, HTTP_PORT: '0', GRPC_PORT: '0', FEATURE_GRPC: grpc, REGISTRY_GRPC: grpc, ...changes });

/** One more replica of serving in this process. */
export const startReplica = (running: RunningServices, changes?: Environment): Promise<Running> => run([ServingModule], { env: replicaOf(running, changes) });

/** One service as a process of its own, as its image runs it, for what only a process can suffer. */
export class ServiceProcess {
  private text = '';
  readonly ended: Promise<number | null>;
  http = '';
  grpc = '';

  private constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => { this.text += chunk.toString(); });
    this.ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
  }

  /** Resolves when it listens; it may not be ready yet. */
  static async start(service: string, env: Environment): Promise<ServiceProcess> {
    const args = ['-r', join(root, 'libs/testing/cluster/register.cjs'), join(root, 'apps', service, 'src', 'main.ts')];
    const { PATH } = process.env;
    const started = new ServiceProcess(spawn(process.execPath, args, { env: { PATH, ...env, LOG_LEVEL: 'info' } as NodeJS.ProcessEnv, stdio: ['ignore', 'pipe', 'pipe'] }));
    await started.said(/"msg":"listening"/);
    const line = started.text.split('\n').find((one) => one.includes('"msg":"listening"'))!;
    const { httpPort, grpcPort } = JSON.parse(line) as { httpPort: number; grpcPort: number };
    started.http = `http://127.0.0.1:${httpPort}`;
    started.grpc = `127.0.0.1:${grpcPort}`;
    return started;
  }

  ready(): Promise<void> {
    return this.said(/"msg":"ready"/);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.child.kill(signal);
  }

  get output(): string {
    return this.text;
  }

  private said(what: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (what.test(this.text)) resolve();
      };
      this.child.stdout!.on('data', look);
      this.child.on('exit', (code) => reject(new Error(`It ended with ${code}: ${this.text.slice(-2_000)}`)));
      look();
    });
  }
}

/** A way to another address that can be cut, held and opened again: what a network does to a client of a database. */
export class Line {
  private readonly pairs = new Set<[Socket, Socket]>();
  private open = true;
  private held = false;

  private constructor(private readonly server: Server) {}

  static async to(host: string, port: number): Promise<Line> {
    const server = createServer();
    const line = new Line(server);
    server.on('connection', (near) => {
      if (!line.open) return near.destroy();
      const far = connect(port, host);
      const pair: [Socket, Socket] = [near, far];
      line.pairs.add(pair);
      // Listening for data makes a socket flow, so it is held after that.
      const hold = line.held;
      for (const [one, other] of [[near, far], [far, near]]) {
        one.on('data', (chunk) => other.write(chunk));
        one.on('error', () => other.destroy());
        one.on('close', () => {
          other.destroy();
          line.pairs.delete(pair);
        });
        if (hold) one.pause();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return line;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Every connection ends, and a new one ends at once. */
  cut(): void {
    this.open = false;
    for (const [near] of this.pairs) near.destroy();
  }

  /** Nothing that is said arrives any more, until {@link restore}. */
  hold(): void {
    this.held = true;
    for (const pair of this.pairs) for (const socket of pair) socket.pause();
  }

  restore(): void {
    this.open = true;
    this.held = false;
    for (const pair of this.pairs) for (const socket of pair) socket.resume();
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}
