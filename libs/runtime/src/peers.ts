import { credentials, InterceptingCall, ListenerBuilder, Metadata, type CallOptions, type Client, type ClientOptions, type ClientUnaryCall, type Interceptor, type ServiceError } from '@grpc/grpc-js';
import { deadlineExceeded, type ServiceName } from '@rhei/contracts';
import { errorFrom } from './grpc-status';
import { callingOf } from './rpc-spans';
import type { GrpcClientConstructor } from './service';
import { currentTraceparent } from './telemetry';

/** Milliseconds for a call that names no deadline; nothing waits for ever. */
const DEFAULT_DEADLINE = 5_000;

type Unary<Request, Response> = (
  request: Request, metadata: Metadata, options: Partial<CallOptions>, answer: (error: ServiceError | null, response: Response) => void) => ClientUnaryCall;
type Methods<C> = { [M in keyof C]: C[M] extends Unary<infer _Q, infer _R> ? M : never }[Exclude<keyof C, keyof Client>];
type RequestOf<F> = F extends Unary<infer Q, infer _R> ? Q : never;
type ResponseOf<F> = F extends Unary<infer _Q, infer R> ? R : never;

/**
 * Calls a method of a peer: `await call(features, 'getFeatures', request, { deadline: 250 })`. `deadline` in milliseconds.
 * Errors: the RheiError that the peer answered with; `unavailable` when it is not there, `deadline_exceeded` when it was too slow.
 */
export function call<C extends Client, M extends Methods<C> & string>(
  client: C, method: M, request: RequestOf<C[M]>, { deadline, signal, metadata }: { deadline: number; signal?: AbortSignal; metadata?: Record<string, string> },
): Promise<ResponseOf<C[M]>> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(deadlineExceeded(`${method} was not called: nobody waits for its answer any more.`));
    const headers = new Metadata();
    for (const [key, value] of Object.entries(metadata ?? {})) headers.set(key, value);
    const running = (client[method] as Unary<unknown, ResponseOf<C[M]>>).call(client, request, headers, { deadline: Date.now() + deadline }, (error, response) => {
      signal?.removeEventListener('abort', cancel);
      if (error) reject(errorFrom(error, method));
      else resolve(response);
    });
    const cancel = () => running.cancel();
    signal?.addEventListener('abort', cancel);
  });
}

/** Puts the credential, the trace and a deadline on every call that has none of its own. */
export function withCredential(token: string): Interceptor {
  return (options, nextCall) => new InterceptingCall(nextCall({ ...options, deadline: options.deadline ?? Date.now() + DEFAULT_DEADLINE }), {
    start: (metadata, listener, next) => {
      if (metadata.get('authorization').length === 0) metadata.set('authorization', `Bearer ${token}`);
      const calling = callingOf(options.method_definition.path);
      if (calling) metadata.set('traceparent', calling.traceparent);
      else if (metadata.get('traceparent').length === 0) metadata.set('traceparent', currentTraceparent());
      if (!calling) return next(metadata, listener);
      next(metadata, new ListenerBuilder().withOnReceiveStatus((status, pass) => {
        calling.end(status);
        pass(status);
      }).build());
    },
  });
}

export const clientOptions = (token: string): ClientOptions => ({
  interceptors: [withCredential(token)],
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.max_send_message_length': 64 * 1024 * 1024,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
});

/** A client of the address with this token, for those outside of a service (the command line, tests). */
export function connect<C extends Client>(client: GrpcClientConstructor<C>, address: string, token: string): C {
  return new client(address, credentials.createInsecure(), clientOptions(token));
}

/** The clients of one service. An address may be known only once this process listens, so a client is made at its first use. */
export class Peers {
  private readonly open: Client[] = [];

  constructor(private readonly token: string, private readonly addressOf: (service: ServiceName) => string) {}

  peer<C extends Client>(service: ServiceName, constructor: GrpcClientConstructor<C>): C {
    let made: C | undefined;
    const client = (): C => {
      if (!made) {
        made = connect(constructor, this.addressOf(service), this.token);
        this.open.push(made);
      }
      return made;
    };
    return new Proxy({} as C, {
      get: (_target, property) => {
        const value: unknown = Reflect.get(client(), property);
        return typeof value === 'function' ? value.bind(client()) : value;
      },
    });
  }

  close(): void {
    for (const client of this.open.splice(0)) client.close();
  }
}
