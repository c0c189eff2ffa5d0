import { randomUUID } from 'node:crypto';
import type { Attributes } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { ServiceName } from '@rhei/contracts';
import type { Logger } from 'pino';
import { elapsed, pause } from './clock';
import { messagingSystemOf, resourceOf } from './span-attributes';
import { useTracers, type ServiceTracer } from './spans';

export interface TracingOptions {
  /** `http://jaeger:4318`, without a path. */
  endpoint: string;
  /** Share of new traces that are kept, 0 to 1; a caller that has decided is followed. */
  ratio: number;
}

/** Milliseconds for the last spans at a stop. */
const FLUSH = 2_000;
const WARN_EVERY = 60_000;
/** Spans that wait while the collector does not answer; later ones are dropped. */
const MOST_WAITING = 8_192;

/**
 * Sends the spans of these services to a collector, each under its own service's name. Returns what sends the rest and
 * ends it, in two seconds at most. A collector that is away costs its spans and a warning a minute, nothing else.
 */
export async function openTracing({ endpoint, ratio }: TracingOptions, services: ReadonlyMap<ServiceName, { eventLog: string }>, log: Logger): Promise<() => Promise<void>> {
  // Loaded only here: a process without tracing does not pay for it.
  const [{ OTLPTraceExporter }, { resourceFromAttributes }, sdk] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-http'), import('@opentelemetry/resources'), import('@opentelemetry/sdk-trace-base'),
  ]);
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces`, timeoutMillis: 5_000 });
  const processor = new sdk.BatchSpanProcessor(new Heeded(exporter, endpoint, log), { maxQueueSize: MOST_WAITING, maxExportBatchSize: 512, scheduledDelayMillis: 1_000, exportTimeoutMillis: 6_000 });
  const sampler = new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(ratio) });
  const instance = randomUUID();
  const tracers = new Map([...services].map(([service, { eventLog }]): [ServiceName, ServiceTracer] => {
    // One provider each: its spans carry its resource, and all go through the one queue.
    const provider = new sdk.BasicTracerProvider({ resource: resourceFromAttributes(resourceOf(service, instance) as Attributes), sampler, spanProcessors: [processor], spanLimits: { attributeValueLengthLimit: 1_000 } });
    return [service, { tracer: provider.getTracer('rhei'), messaging: messagingSystemOf(eventLog) }];
  }));
  const forget = useTracers(tracers);
  return async () => {
    forget();
    const over = new AbortController();
    await Promise.race([processor.shutdown().catch(() => undefined), pause(FLUSH, over.signal)]);
    over.abort();
  };
}

type Done = Parameters<SpanExporter['export']>[1];

/** Says once a minute that spans are lost, instead of once per batch. */
class Heeded implements SpanExporter {
  private warnedAt = -Infinity;

  constructor(private readonly inner: SpanExporter, private readonly endpoint: string, private readonly log: Logger) {}

  export(spans: ReadableSpan[], done: Done): void {
    this.inner.export(spans, (result) => {
      if (result.code !== 0 && elapsed() - this.warnedAt >= WARN_EVERY) {
        this.warnedAt = elapsed();
        this.log.warn({ err: result.error, endpoint: this.endpoint, spans: spans.length }, 'spans could not be sent and are lost; the services go on without');
      }
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.inner.shutdown();
  }
}
