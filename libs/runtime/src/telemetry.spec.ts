import { acceptTraceparent, currentContext, inContext, newTraceparent, traceIdOf } from './telemetry';

describe('a trace', () => {
  it('is taken over from the caller when it is a valid one', () => {
    const sent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    expect(acceptTraceparent(sent)).toBe(sent);
  });
  it.each([undefined, '', 'nonsense', '01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '00-00000000000000000000000000000000-00f067aa0ba902b7-01', '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01'])('is new when the caller sent %p', (sent) => {
    expect(acceptTraceparent(sent)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(acceptTraceparent(sent)).not.toBe(acceptTraceparent(sent));
  });
  it('has an id of its own, a thousand times', () => {
    expect(new Set(Array.from({ length: 1000 }, () => traceIdOf(newTraceparent()))).size).toBe(1000);
  });
  it('follows what is awaited, and does not leak to what runs beside it', async () => {
    const one = inContext({ traceparent: newTraceparent(), service: 'serving' }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return currentContext()?.service;
    });
    const other = inContext({ traceparent: newTraceparent(), service: 'feature' }, async () => currentContext()?.service);
    expect([await one, await other, currentContext()]).toEqual(['serving', 'feature', undefined]);
  });
});
