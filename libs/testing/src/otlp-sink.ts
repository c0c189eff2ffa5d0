import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as a collector got it. */
export interface SeenSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  /** Undefined: the first of its trace. */
  parent: string | undefined;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  error: boolean;
  /** Milliseconds. */
  duration: number;
}

export interface OtlpSink {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string;
  /** In the order in which they came. */
  spans: SeenSpan[];
  /** Everything that was received, as it was written. */
  bodies: string[];
  /** Answers with this status from now on. */
  answer(status: number): void;
  stop(): Promise<void>;
}

/** A collector of traces: takes OTLP in JSON over HTTP and keeps the spans. */
export async function startOtlpSink(): Promise<OtlpSink> {
  const [spans, bodies]: [SeenSpan[], string[]] = [[], []];
  let status = 200;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      bodies.push(text);
      if (status === 200) spans.push(...spansOf(JSON.parse(text) as Export));
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, bodies,
    answer: (next) => void (status = next),
    stop: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

interface Value { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean; arrayValue?: { values: Value[] } }
interface Attribute { key: string; value: Value }
interface Export {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: {
      spans: {
        traceId: string; spanId: string; parentSpanId?: string; name: string; kind: number; attributes?: Attribute[]; links?: { traceId: string; spanId: string }[];
        status?: { code?: number }; startTimeUnixNano: string; endTimeUnixNano: string;
      }[];
    }[];
  }[];
}

function spansOf({ resourceSpans }: Export): SeenSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(attributesOf(resource.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({
      service, name: span.name, traceId: span.traceId, spanId: span.spanId, parent: span.parentSpanId || undefined, kind: span.kind,
      attributes: attributesOf(span.attributes ?? []), links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })), error: span.status?.code === 2,
      duration: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
    })));
  });
}

const attributesOf = (list: Attribute[]): Record<string, unknown> => Object.fromEntries(list.map(({ key, value }) => [key, plain(value)]));
const plain = ({ stringValue, intValue, doubleValue, boolValue, arrayValue }: Value): unknown =>
  stringValue ?? (intValue === undefined ? undefined : Number(intValue)) ?? doubleValue ?? boolValue ?? arrayValue?.values.map(plain);
