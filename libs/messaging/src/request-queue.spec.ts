import { kafkajs } from './kafka';
import { quietenRequestQueue, type RequestQueue } from './request-queue';

type OpenQueue = RequestQueue & { maxInFlightRequests: number; push(request: object): void; fulfillRequest(answer: object): void; maybeThrottle(milliseconds: number): void; destroy(): void };

describe('the queue of requests to a broker, patched', () => {
  let queue: OpenQueue;
  let sent: number[];
  let looks = 0;
  beforeEach(() => {
    kafkajs();
    const Queue = require('kafkajs/src/network/requestQueue') as new (options: object) => OpenQueue;
    queue = new Queue({ maxInFlightRequests: 1, requestTimeout: 1_000, enforceRequestTimeout: false, clientId: 'spec', broker: 'none', logger: { debug: () => undefined, warn: () => undefined } });
    const look = queue.checkPendingRequests.bind(queue);
    looks = 0;
    queue.checkPendingRequests = () => { looks++; look(); };
    sent = [];
  });
  afterEach(() => queue.destroy());
  const push = (correlationId: number) => queue.push({
    entry: { correlationId, resolve: () => undefined, reject: () => undefined }, expectResponse: true, sendRequest: () => void sent.push(correlationId),
  });
  const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  it('does not wake up while it has nothing to do', async () => {
    push(1);
    queue.fulfillRequest({ correlationId: 1, size: 0, payload: null });
    const before = looks;
    await pause(100);
    expect({ looks: looks - before, timer: queue.throttleCheckTimeoutId }).toEqual({ looks: 0, timer: null });
  });

  it('sends what waited when the one before was answered', () => {
    push(1);
    push(2);
    expect(sent).toEqual([1]);
    queue.fulfillRequest({ correlationId: 1, size: 0, payload: null });
    expect(sent).toEqual([1, 2]);
  });

  it('sends what waited when the broker no longer throttles', async () => {
    queue.maybeThrottle(50);
    push(1);
    expect(sent).toEqual([]);
    await pause(120);
    expect(sent).toEqual([1]);
  });

  it('is not applied to a queue that it does not know', () => {
    expect(() => quietenRequestQueue(class Other {})).toThrow(/another request queue than version 2\.2\.4/);
  });
});
