import { startOtlpSink } from '@rhei/testing';
import { tracing } from './tracing.contract';

describe('traces in a collector', () => {
  tracing(async () => {
    const { url, spans, bodies, stop } = await startOtlpSink();
    return {
      endpoint: url, stop,
      services: async () => [...new Set(spans.map(({ service }) => service))],
      trace: async (id) => spans.filter(({ traceId }) => traceId === id),
      everything: async () => bodies.join('\n'),
    };
  }, { drift: false });
});
