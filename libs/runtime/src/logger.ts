import type { ServiceName } from '@rhei/contracts';
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { currentContext, traceIdOf } from './telemetry';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** JSON lines on standard output; each carries its service and, inside a piece of work, the trace and the event. */
export function createLogger(service: ServiceName | 'runtime', level: LogLevel, destination?: DestinationStream): Logger {
  return pino({
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => {
      const context = currentContext();
      if (!context) return {};
      return { traceId: traceIdOf(context.traceparent), ...(context.eventId && { eventId: context.eventId }) };
    },
    redact: ['req.headers.authorization', 'authorization', 'token', '*.token'],
  }, destination ?? standardOutput());
}

/** One for the process: several writers on one descriptor could tear each other's lines. */
const standardOutput = (): DestinationStream => (shared ??= pino.destination({ dest: 1, sync: false }));
let shared: DestinationStream | undefined;
