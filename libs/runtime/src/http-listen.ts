import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError } from './config';

/**
 * Listens on the port of HTTP_PORT; 0 takes any free one. Returns the port.
 * @throws ConfigError when the port is in use
 */
export async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ConfigError(`The HTTP port ${port} cannot be taken: ${error.code === 'EADDRINUSE' ? 'it is in use' : error.message}. Stop what uses it, or set HTTP_PORT to another one.`)));
    server.listen(port, resolve);
  });
  return (server.address() as AddressInfo).port;
}
