import { RheiError } from '@rhei/contracts';

/** One span of a trace, as Jaeger tells it. */
export interface Span {
  traceId: string;
  spanId: string;
  service: string;
  name: string;
  /** Within this trace; undefined where it begins, or where the parent was not kept. */
  parent: string | undefined;
  /** Other traces that this one was caused by, or goes on in. */
  links: string[];
  /** Microseconds since 1970, and how many it took. */
  start: number;
  duration: number;
  tags: Record<string, unknown>;
  /** What went wrong, in words. */
  error: string | undefined;
}

interface JaegerTrace {
  traceID: string;
  spans: {
    spanID: string; operationName: string; startTime: number; duration: number; processID: string;
    references?: { refType: string; traceID: string; spanID: string }[];
    tags?: { key: string; value: unknown }[];
  }[];
  processes: Record<string, { serviceName: string }>;
}

const patience = 10_000;
const monthAgo = 30 * 86_400_000;

/** The query API of a Jaeger. Errors: `unavailable` when nobody answers there, or something else than Jaeger. */
export class Jaeger {
  constructor(readonly url: string, private readonly from: string) {}

  /** Where people look at the trace. */
  page = (traceId: string): string => `${this.url}/trace/${traceId}`;

  /** The spans of a trace, by their beginning; none when Jaeger does not have it. */
  async trace(traceId: string): Promise<Span[]> {
    return spansOf((await this.get<JaegerTrace[]>(`/api/traces/${traceId}`))?.[0]);
  }

  services(): Promise<string[]> {
    return this.get<string[]>('/api/services').then((names) => names ?? []);
  }

  /** Ids of traces in which a span of the service has this tag. */
  async tagged(service: string, tag: string, value: string): Promise<string[]> {
    const now = Date.now();
    const query = new URLSearchParams({ service, tags: JSON.stringify({ [tag]: value }), limit: '20', start: String((now - monthAgo) * 1_000), end: String((now + 60_000) * 1_000) });
    return ((await this.get<JaegerTrace[]>(`/api/traces?${query.toString()}`)) ?? []).map(({ traceID }) => traceID);
  }

  private async get<Data>(path: string): Promise<Data | undefined> {
    let response: Response;
    let body: { data?: Data };
    try {
      response = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(patience) });
      if (response.status === 404) return undefined;
      body = (await response.json()) as { data?: Data };
    } catch (error) {
      const { message, cause } = error as Error & { cause?: { code?: string } };
      throw this.away(cause?.code ?? message);
    }
    if (!response.ok || body.data === undefined) throw this.away(`it answered ${response.status}`);
    return body.data;
  }

  private away(why: string): RheiError {
    return new RheiError('unavailable', `No Jaeger answers at ${this.url} (from ${this.from}): ${why}.`, {
      field: '--jaeger', expected: 'the address of a Jaeger that answers', got: this.url,
      hint: 'name its query address with --jaeger http://host:16686, or set RHEI_JAEGER; "docker run -p 16686:16686 -p 4318:4318 jaegertracing/jaeger:2.13.0" starts one',
    });
  }
}

function spansOf(trace: JaegerTrace | undefined): Span[] {
  if (trace === undefined) return [];
  return trace.spans.map(({ spanID, operationName, startTime, duration, processID, references = [], tags: list = [] }) => {
    const tags = Object.fromEntries(list.map(({ key, value }) => [key, value]));
    return {
      traceId: trace.traceID, spanId: spanID, service: trace.processes[processID]?.serviceName ?? '?', name: operationName,
      // A span that is linked to its own parent is shown with the link alone.
      parent: (references.find(({ refType, traceID }) => refType === 'CHILD_OF' && traceID === trace.traceID) ?? references.find(({ traceID }) => traceID === trace.traceID))?.spanID,
      links: [...new Set(references.map(({ traceID }) => traceID))].filter((id) => id !== trace.traceID),
      start: startTime, duration, tags, error: tags.error === true || tags.error === 'true' ? String(tags['otel.status_description'] ?? tags['error.type'] ?? 'it failed') : undefined,
    };
  }).sort((a, b) => a.start - b.start || (a.spanId < b.spanId ? -1 : 1));
}
