import type { Environment } from '@rhei/runtime';

/** Where people find the traces: RHEI_JAEGER, else the usual port on the collector's host; undefined where tracing is off. */
export function jaegerBeside({ RHEI_JAEGER: named, OTEL_EXPORTER_OTLP_ENDPOINT: collector }: Environment): string | undefined {
  if (named) return named;
  if (!collector || !URL.canParse(collector)) return undefined;
  return `http://${new URL(collector).hostname}:16686`;
}
