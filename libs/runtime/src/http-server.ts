import 'reflect-metadata';
import type { Server } from 'node:http';
import { Catch, Module, UseFilters, type ArgumentsHost, type ExceptionFilter, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { notFound, RheiError, type ServiceName } from '@rhei/contracts';
import type { Express, NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import type { Door } from './doors';
import { errorTable, presentable } from './error-table';
import { listen } from './http-listen';
import { gate, type GatedRequest, type RouteEntry } from './http-gate';
import { observeHttp } from './metrics';
import type { Principals } from './principals';
import { sendProblem } from './problem';
import { DEPS, type HttpDoor } from './service';
import { acceptTraceparent, inContext } from './telemetry';

export interface HttpService {
  name: ServiceName;
  doors: HttpDoor[];
  deps: unknown;
  log: Logger;
}

/** A route of the process itself, such as a health probe. */
export interface OwnRoute {
  route: string;
  entry: Omit<RouteEntry, 'service'>;
  handle(request: Request, response: Response): Promise<void> | void;
}

/** Nest's own exceptions in words of the table. */
@Catch()
class ProblemFilter implements ExceptionFilter {
  catch(exception: unknown, host: ArgumentsHost): void {
    host.switchToHttp().getRequest<GatedRequest>().fail(fromNest(exception));
  }
}

function fromNest(exception: unknown): unknown {
  const status = (exception as { status?: unknown; statusCode?: unknown } | null)?.status;
  if (exception instanceof RheiError || typeof status !== 'number' || status >= 500) return exception;
  const code = (Object.keys(errorTable) as (keyof typeof errorTable)[]).find((key) => errorTable[key].http === status) ?? 'invalid';
  return new RheiError(code, (exception as Error).message);
}

const filtered = new WeakSet<object>();

/** The one HTTP server of the process: a Nest application in which each service is a module, and every route has a gate. */
export class HttpServer {
  private readonly gated: Door[] = [];

  private constructor(private readonly app: INestApplication) {}

  /** Builds without listening. Throws when a route has no entry or an entry no route. */
  static async build(services: HttpService[], own: OwnRoute[], principals: Principals, log: Logger): Promise<HttpServer> {
    const app = await NestFactory.create<NestExpressApplication>(rootOf(services), new ExpressAdapter(), { bodyParser: false, logger: false, abortOnError: false });
    const express = app.getHttpAdapter().getInstance() as unknown as Express;
    express.disable('x-powered-by').disable('etag');
    const entries = entriesOf(services, own);
    for (const { route, handle } of own) {
      const [method, path] = route.split(' ');
      express[method.toLowerCase() as 'get'](path, (request: Request, response: Response, next: NextFunction) => {
        Promise.resolve(handle(request, response)).catch(next);
      });
    }
    await app.init();
    const http = new HttpServer(app);
    http.install(express, entries, principals, services, log);
    return http;
  }

  /** Every route with the roles that may call it. */
  doors(): Door[] {
    return [...this.gated].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Listens; 0 takes any free port.
   * @throws ConfigError when the port is in use
   */
  async listen(port: number): Promise<number> {
    return listen(this.app.getHttpServer() as Server, port);
  }

  /** Takes no more requests and waits for those in hand, `ms` at most. */
  async stop(ms: number): Promise<void> {
    const server = this.app.getHttpServer() as Server;
    if (server.listening) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), ms);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        server.closeIdleConnections();
      });
    }
    await this.app.close();
  }

  private install(express: Express, entries: Map<string, RouteEntry>, principals: Principals, services: HttpService[], log: Logger): void {
    const { stack } = express.router as unknown as { stack: Layer[] };
    const missing = new Set(entries.keys());
    let last = -1;
    for (const [index, layer] of stack.entries()) {
      const { route } = layer;
      if (!route) continue;
      last = index;
      for (const method of Object.keys(route.methods)) {
        const name = `${method.toUpperCase()} ${route.path}`;
        const entry = entries.get(name);
        if (!entry) throw new Error(`The route "${name}" has no entry: name its roles in the routes of its door.`);
        missing.delete(name);
        const logger = services.find((service) => service.name === entry.service)?.log ?? log;
        route[method as 'get'](gate(name, entry, principals, logger));
        route.stack.unshift(route.stack.pop() as unknown);
        this.gated.push({ name, roles: entry.roles, service: entry.service });
      }
    }
    if (missing.size > 0) throw new Error(`No controller has the route "${[...missing].join('", "')}": the entry's name is "METHOD /path" as in the controller.`);
    express.use((request: Request) => {
      throw notFound(`There is no ${request.method} ${request.path} here.`, { got: `${request.method} ${request.path}` });
    });
    express.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
      observeHttp(undefined, undefined, response);
      inContext({ traceparent: acceptTraceparent(request.headers.traceparent) }, () => {
        let shown = fromNest(error);
        // Deny by default: a stranger is not told which paths there are.
        try {
          principals.authenticate(request.headers.authorization);
        } catch (refused) {
          shown = refused;
        }
        sendProblem(request, response, presentable(shown, log, `${request.method} ${request.path}`));
      });
    });
    // Before Nest's own answers to what no route has taken.
    stack.splice(last + 1, 0, ...stack.splice(stack.length - 2, 2));
  }
}

interface Layer {
  route?: { path: string; methods: Record<string, boolean>; stack: unknown[]; get(handler: unknown): void };
}

function entriesOf(services: HttpService[], own: OwnRoute[]): Map<string, RouteEntry> {
  const entries = new Map<string, RouteEntry>();
  const add = (route: string, entry: RouteEntry) => {
    if (entries.has(route)) throw new Error(`The route "${route}" is declared twice.`);
    if (entry.roles !== 'anyone' && entry.roles.length === 0) throw new Error(`The route "${route}" names no role: nobody could call it.`);
    entries.set(route, entry);
  };
  for (const { route, entry } of own) add(route, { ...entry, service: undefined });
  for (const { name, doors } of services) {
    for (const { routes } of doors) for (const [route, entry] of Object.entries(routes)) add(route, { ...entry, service: name });
  }
  return entries;
}

/** A Nest module for each service, so that a controller finds its own service's deps and nobody else's. */
function rootOf(services: HttpService[]): new () => object {
  const imports = services.map(({ name, doors, deps }) => {
    const controllers = doors.map(({ controller }) => controller);
    for (const controller of controllers) {
      if (filtered.has(controller)) continue;
      filtered.add(controller);
      UseFilters(new ProblemFilter())(controller);
    }
    const module = { [name]: class {} }[name];
    Module({ controllers, providers: [{ provide: DEPS, useValue: deps }] })(module);
    return module;
  });
  class RootModule {}
  Module({ imports })(RootModule);
  return RootModule;
}
