import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ServiceName } from '@rhei/contracts';
import type { Logger } from 'pino';
import { pause } from './clock';
import { ConfigError } from './config';
import { isAway } from './database-errors';
import { listen } from './http-listen';

const LONGEST_PAUSE = 2_000;

/**
 * Where a process waits for what it cannot be built without, such as its database: live, not ready, and saying why, instead
 * of ending and being started over and over. It listens only if there is something to wait for.
 */
export class WaitingRoom {
  private readonly reasons = new Map<ServiceName, string>();
  private readonly refused = new AbortController();
  private server: Server | undefined;
  private opening: Promise<void> | undefined;

  constructor(private readonly port: number, private readonly services: ServiceName[], private readonly log: Logger) {}

  /**
   * Repeats `open` while what it needs is away.
   * @throws what `open` throws for another reason; ConfigError when another service of the process could not be opened
   */
  async until<Result>(service: ServiceName, open: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const result = await open();
        this.reasons.delete(service);
        return result;
      } catch (error) {
        if (!isAway(error)) {
          this.refused.abort();
          throw error;
        }
        const { message } = error as Error;
        this.reasons.set(service, message);
        if (attempt % 20 === 1) this.log.warn({ waiting: service, reason: message, attempt }, 'the service waits; it starts when that is there');
        await (this.opening ??= this.listen());
        await pause(Math.min(LONGEST_PAUSE, 100 * attempt), this.refused.signal);
        if (this.refused.signal.aborted) throw new ConfigError(message);
      }
    }
  }

  /** Leaves the port to the listener that comes now. */
  async close(): Promise<void> {
    this.refused.abort();
    const { server } = this;
    if (!server?.listening) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  private async listen(): Promise<void> {
    this.server = createServer((request, response) => this.answer(request, response));
    const port = await listen(this.server, this.port);
    this.log.info({ httpPort: port, services: this.services }, 'listening for health probes while the process waits');
  }

  private answer({ method, url }: IncomingMessage, response: ServerResponse): void {
    const path = method === 'GET' || method === 'HEAD' ? url?.split('?', 1)[0] : undefined;
    const live = path === '/health/live';
    const because = Object.fromEntries(this.services.map((name) => [name, { ready: false, because: this.reasons.get(name) ?? 'it is starting' }]));
    const body = live ? { status: 'live' } : path === '/health/ready' ? { status: 'not ready', services: because } : { status: 503, code: 'unavailable', title: 'The process is starting.' };
    response.writeHead(live ? 200 : 503, { 'content-type': 'application/json', ...(!live && { 'retry-after': '1' }) }).end(JSON.stringify(body));
  }
}
