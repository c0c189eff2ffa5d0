import {
  logVerbosity, status as Grpc, Server, ServerCredentials, setLogVerbosity, ServerInterceptingCall, Metadata,
  type ServerInterceptor, type sendUnaryData, type ServerUnaryCall, type ServiceDefinition, type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { deadlineExceeded, invalid, RheiError, tooLarge, type ServiceName } from '@rhei/contracts';
import type { Logger } from 'pino';
import { mayCall, refusal, type Principal, type Role } from './auth';
import { elapsed } from './clock';
import { ConfigError } from './config';
import type { Door } from './doors';
import { presentable } from './error-table';
import { statusOf } from './grpc-status';
import { observeGrpc } from './metrics';
import type { Principals } from './principals';
import { answeredTo, receivingOf } from './rpc-spans';
import type { Call, Rpc, RpcMethod } from './service';
import { isTraced } from './spans';
import { acceptTraceparent, inContext, type WorkContext } from './telemetry';

export const DEFAULT_MESSAGE_BYTES = 4 * 1024 * 1024;
const LONGEST = 30_000;

interface Entry {
  roles: Role[] | 'anyone';
  service: ServiceName | undefined;
}

const nobody: Principal = { name: 'anyone', kind: 'person', roles: [] };

/** The one gRPC server of the process. What is registered here has an entry, or the start fails; who calls is asked before anything is decoded. */
export class GrpcServer {
  private readonly entries = new Map<string, Entry>();
  private readonly callers = new WeakMap<Metadata, { principal: Principal; sent: unknown }>();
  private readonly pending: { definition: ServiceDefinition; implementation: UntypedServiceImplementation }[] = [];
  private server: Server | undefined;
  private largest = DEFAULT_MESSAGE_BYTES;

  constructor(private readonly principals: Principals, private readonly log: Logger) {}

  /** Registers a service of one of ours. `logger` gets the failures that are not of the table. */
  add({ definition, methods }: Rpc, service: ServiceName | undefined, logger: Logger = this.log): void {
    const known = new Set(Object.keys(definition));
    for (const name of Object.keys(methods)) {
      if (!known.has(name)) throw new Error(`The gRPC service ${serviceNameOf(definition)} has no method "${name}": expected ${[...known].join(', ')}.`);
    }
    const raw: Record<string, unknown> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(definition)) {
      const entry = methods[name];
      if (!entry) throw new Error(`The gRPC method ${method.path} has no entry: name its roles in the list of methods.`);
      if (method.requestStream || method.responseStream) throw new Error(`The gRPC method ${method.path} streams: expected a unary method.`);
      this.enter(method.path, { roles: entry.roles, service });
      const maxBytes = entry.maxBytes ?? DEFAULT_MESSAGE_BYTES;
      this.largest = Math.max(this.largest, maxBytes);
      raw[name] = { ...method, requestDeserialize: (bytes: Buffer) => bytes };
      implementation[name] = this.handler(method.path, entry, maxBytes, method.requestDeserialize as (bytes: Buffer) => unknown, service, logger);
    }
    this.pending.push({ definition: raw as ServiceDefinition, implementation });
  }

  /** Registers what brings its own implementation (health); every method of it gets these roles. */
  addForeign(definition: ServiceDefinition, implementation: UntypedServiceImplementation, roles: Role[] | 'anyone'): void {
    for (const { path } of Object.values(definition)) this.enter(path, { roles, service: undefined });
    this.pending.push({ definition, implementation });
  }

  /** Every method with the roles that may call it. */
  doors(): Door[] {
    return [...this.entries].map(([name, { roles, service }]) => ({ name, roles, service })).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Listens; 0 takes any free port.
   * @throws ConfigError when the port is in use
   */
  async listen(port: number): Promise<number> {
    // What it would write to standard error is answered or logged by us.
    setLogVerbosity(logVerbosity.NONE);
    const server = new Server({
      interceptors: [this.authenticate],
      // A bound above all methods' own, which are checked with a better answer.
      'grpc.max_receive_message_length': this.largest + 64 * 1024,
      'grpc.max_send_message_length': 64 * 1024 * 1024,
    });
    for (const { definition, implementation } of this.pending) server.addService(definition, implementation);
    this.server = server;
    return new Promise((resolve, reject) => {
      server.bindAsync(`0.0.0.0:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(new ConfigError(`The gRPC port ${port} cannot be taken: ${/EADDRINUSE/.test(error.message) ? 'it is in use' : error.message}. Stop what uses it, or set GRPC_PORT to another one.`));
        else resolve(bound);
      });
    });
  }

  /** Takes no more calls and waits for those in hand, `ms` at most. */
  async stop(ms: number): Promise<void> {
    const { server } = this;
    if (!server) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        server.forceShutdown();
        resolve();
      }, ms);
      server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private enter(path: string, entry: Entry): void {
    if (this.entries.has(path)) throw new Error(`The gRPC method ${path} is registered twice.`);
    if (entry.roles !== 'anyone' && entry.roles.length === 0) throw new Error(`The gRPC method ${path} names no role: nobody could call it.`);
    this.entries.set(path, entry);
  }

  private readonly authenticate: ServerInterceptor = (descriptor, call) => {
    const answered = observeGrpc(this.entries.get(descriptor.path)?.service, descriptor.path);
    return new ServerInterceptingCall(call, {
      sendStatus: (status, next) => {
        answered(status.code);
        next(status);
      },
      start: (next) => next({
        onCancel: () => answered(Grpc.CANCELLED),
        onReceiveMetadata: (metadata, go) => {
          const [sent] = metadata.get('traceparent');
          try {
            const principal = this.admit(descriptor.path, metadata);
            this.callers.set(metadata, { principal, sent });
            go(metadata);
          } catch (error) {
            inContext({ traceparent: acceptTraceparent(sent) }, () => {
              const status = statusOf(presentable(error, this.log, descriptor.path));
              answered(status.code);
              call.sendStatus(status);
            });
          }
        },
      }),
    });
  };

  private admit(path: string, metadata: Metadata): Principal {
    const entry = this.entries.get(path);
    if (!entry) throw new RheiError('internal', `The gRPC method ${path} has no entry.`);
    if (entry.roles === 'anyone') return nobody;
    const [authorization] = metadata.get('authorization');
    const principal = this.principals.authenticate(authorization?.toString());
    if (!mayCall(principal, entry.roles)) throw refusal(principal, path, entry.roles);
    return principal;
  }

  private handler(path: string, method: RpcMethod, maxBytes: number, decode: (bytes: Buffer) => unknown, service: ServiceName | undefined, log: Logger) {
    const limit = Math.min(method.deadline, LONGEST);
    return (call: ServerUnaryCall<Buffer, unknown>, answer: sendUnaryData<unknown>): void => {
      const { principal, sent } = this.callers.get(call.metadata) ?? { principal: nobody, sent: undefined };
      let work: WorkContext = receivingOf(service, path, sent, method.roles !== 'anyone');
      const asked = call.getDeadline();
      const left = Math.min(limit, (asked instanceof Date ? asked.getTime() : asked) - Date.now());
      const until = elapsed() + left;
      // Made when somebody asks for it: most handlers never do.
      let gone: AbortController | undefined;
      let over = false;
      const leave = () => {
        over = true;
        gone?.abort();
      };
      let answered = false;
      const finish = (error: unknown, response: unknown) => {
        if (answered) return;
        answered = true;
        clearTimeout(timer);
        if (error === undefined) answer(null, response);
        else answer(statusOf(presentable(error, log, path)), null);
        answeredTo(work, error);
      };
      const timer = setTimeout(() => {
        leave();
        inContext(work, () => finish(deadlineExceeded(`${path} did not answer within ${Math.round(left)} ms.`), undefined));
      }, Math.max(0, left));
      call.on('cancelled', leave);
      const context: Call = {
        principal,
        get traceparent() {
          return work.traceparent;
        },
        remaining: () => Math.max(0, until - elapsed()),
        get signal() {
          gone ??= new AbortController();
          if (over) gone.abort();
          return gone.signal;
        },
      };
      void inContext(work, async () => {
        try {
          if (left <= 0) throw deadlineExceeded(`${path} was called with no time left.`);
          const request = decodeWithin(call.request, maxBytes, decode, path);
          // A method of the process works for the service that the request names.
          const { service: named } = request as { service?: ServiceName };
          if (method.traced && named !== undefined && isTraced(named)) work = receivingOf(named, path, sent, true);
          finish(undefined, await inContext(work, () => method.handle(request, context)));
        } catch (error) {
          inContext(work, () => finish(error, undefined));
        }
      });
    };
  }
}

function decodeWithin(bytes: Buffer, maxBytes: number, decode: (bytes: Buffer) => unknown, path: string): unknown {
  if (bytes.length > maxBytes) {
    throw tooLarge(`${path} takes messages of ${maxBytes} bytes at most, got ${bytes.length}. Send less at once.`, { expected: `${maxBytes} bytes`, got: `${bytes.length} bytes` });
  }
  try {
    return decode(bytes);
  } catch (error) {
    throw invalid(`${path} could not read the message as protobuf: ${(error as Error).message}.`);
  }
}

/** `rhei.registry.v1.RegistryService` of its methods' paths. */
export function serviceNameOf(definition: ServiceDefinition): string {
  return Object.values(definition)[0]?.path.split('/')[1] ?? '';
}

