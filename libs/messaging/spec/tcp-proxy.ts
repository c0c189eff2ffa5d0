import { createServer, connect, type Server, type Socket } from 'node:net';

export type Fault = 'drop' | 'cut' | 'stall';

/** Kafka's number of the request that appends. */
const produce = 0;

/**
 * Stands between clients and one broker, and spoils single appends: the broker gets the request, and its answer is lost
 * (`drop`), the connection ends before it (`cut`), or everything waits for three seconds (`stall`).
 */
export class TcpProxy {
  /** Appends that were spoiled. */
  spoiled = 0;
  private next: Fault | undefined;
  private readonly sockets = new Set<Socket>();

  private constructor(readonly port: number, private readonly server: Server, private readonly target: number) {}

  static async start(target: number): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new TcpProxy((server.address() as { port: number }).port, server, target);
    server.on('connection', (client) => proxy.join(client));
    return proxy;
  }

  /** The next append is spoiled. */
  spoil(fault: Fault): void {
    this.next = fault;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: Socket): void {
    const broker = connect(this.target, '127.0.0.1');
    const lost = new Set<number>();
    let cutAt: number | undefined;
    let heldUntil = 0;
    for (const socket of [client, broker]) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        client.destroy();
        broker.destroy();
      });
    }
    eachFrame(client, (frame) => {
      // Length, number of the request, its version, and the number that its answer repeats.
      if (this.next && frame.readInt16BE(4) === produce) {
        const correlation = frame.readInt32BE(8);
        if (this.next === 'drop') lost.add(correlation);
        if (this.next === 'cut') cutAt = correlation;
        if (this.next === 'stall') heldUntil = performance.now() + 3_000;
        this.next = undefined;
        this.spoiled++;
      }
      broker.write(frame);
    });
    eachFrame(broker, (frame) => {
      const correlation = frame.readInt32BE(4);
      if (lost.delete(correlation)) return;
      if (correlation === cutAt) return void client.destroy();
      const wait = heldUntil - performance.now();
      if (wait <= 0) client.write(frame);
      else setTimeout(() => client.write(frame), wait);
    });
  }
}

function eachFrame(socket: Socket, take: (frame: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const length = 4 + rest.readInt32BE(0);
      take(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  });
}
