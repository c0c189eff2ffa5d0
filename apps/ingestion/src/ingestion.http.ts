import { Controller, Get, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { formatInstant } from '@rhei/expressions';
import { DEPS, type GatedRequest, type HttpDoor } from '@rhei/runtime';
import { limits } from './event-body';
import { readRequest } from './http-event';
import type { Deps } from './ingestion.module';
import { listQuarantine } from './list-quarantine';
import { publishEvents, type Answer } from './publish-events';
import { quarantineReaders } from './quarantine-access';
import type { QuarantineRow } from './quarantine.store';

@Controller('ingestion')
export class IngestionController {
  constructor(@Inject(DEPS) private readonly deps: Deps) {}

  /** One event: its answer, or the error as problem+json. A batch: 200 and one answer per event, in order. */
  @Post('events')
  @HttpCode(200)
  async publish(@Req() request: GatedRequest): Promise<unknown> {
    const { principal, traceparent } = request.call;
    const { batch, events } = readRequest(request.rawBody, request.headers);
    const answers = await publishEvents(this.deps.committer, principal, traceparent, events);
    if (batch) return answers.map(written);
    if ('error' in answers[0]) throw answers[0].error;
    return written(answers[0]);
  }

  @Get('quarantine')
  async quarantine(@Req() request: GatedRequest): Promise<unknown> {
    const { source, type, code, state, limit, after } = request.query;
    const query = { source: text(source), type: text(type), code: text(code), state: text(state), limit: text(limit) === '' ? 0 : Number(text(limit)), after: text(after) };
    const { events, total } = await listQuarantine(this.deps.database, request.call.principal, query);
    return { total, events: events.map(writtenRow) };
  }
}

export const ingestionHttp: HttpDoor = {
  controller: IngestionController,
  routes: {
    'POST /ingestion/events': { roles: ['publisher', 'admin'], maxBytes: limits.bodyBytes, deadline: 10_000 },
    'GET /ingestion/quarantine': { roles: quarantineReaders, deadline: 2_000 },
  },
};

function written({ id, source, ...answer }: Answer): Record<string, unknown> {
  if (!('error' in answer)) return { id, source, status: answer.status, shard: answer.shard, arrival: formatInstant(answer.arrival) };
  const { code, message, details: { field, rule, expected, got, hint } } = answer.error;
  return { id, source, status: answer.status, error: { code, message, field, rule, expected, got, hint } };
}

/** Bytes as text, where they are none with the replacement character; gRPC has them as they are. */
const writtenRow = ({ sequence, receivedAt, original, headers, stood, mended, ...event }: QuarantineRow) => ({
  id: sequence, ...event, state: mended === undefined ? 'open' : 'mended', receivedAt: formatInstant(receivedAt), original: original.toString('utf8'),
  ...(headers && { headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.toString('utf8')])) }),
  ...(stood && { stoodAt: { ...stood, key: stood.key?.toString('utf8') ?? null } }),
  ...(mended && { mended: { ...mended, at: formatInstant(mended.at) } }),
});

/** A query parameter that was given once. */
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
