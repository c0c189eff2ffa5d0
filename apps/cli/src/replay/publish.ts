import { RheiError } from '@rhei/contracts';
import { httpOf } from '../addresses';
import { patiently, type Doors } from './doors';
import type { Delivery } from './plan';

const eventsPerRequest = 200;
const requestsAtOnce = 4;

/** Publishes what arrives in a step through the ingestion door: several requests at once, but the deliveries of one id one after the other. */
export async function publish(doors: Doors, deliveries: Delivery[]): Promise<void> {
  for (const wave of wavesOf(deliveries)) {
    const requests: Delivery[][] = [];
    for (let start = 0; start < wave.length; start += eventsPerRequest) requests.push(wave.slice(start, start + eventsPerRequest));
    for (let start = 0; start < requests.length; start += requestsAtOnce) {
      await Promise.all(requests.slice(start, start + requestsAtOnce).map((batch) => send(doors, batch)));
    }
  }
}

/** The n-th delivery of an id is in the n-th wave. */
function wavesOf(deliveries: Delivery[]): Delivery[][] {
  const waves: Delivery[][] = [];
  const seen = new Map<string, number>();
  for (const delivery of deliveries) {
    const id = `${delivery.event.source}\n${delivery.event.id}`;
    const turn = seen.get(id) ?? 0;
    seen.set(id, turn + 1);
    (waves[turn] ??= []).push(delivery);
  }
  return waves;
}

async function send(doors: Doors, batch: Delivery[]): Promise<void> {
  const body = JSON.stringify(batch.map(({ event }) => event));
  await patiently('publish events', async () => {
    const answer = await fetch(`${httpOf(doors.target, 'ingestion')[0]}/ingestion/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${doors.tokens.publisher}`, 'content-type': 'application/cloudevents-batch+json' },
      body,
      signal: AbortSignal.timeout(30_000),
    });
    const text = await answer.text();
    if (answer.status === 503 || answer.status === 429 || answer.status === 504) throw new RheiError('unavailable', text);
    if (answer.status !== 200) throw new RheiError('internal', `The ingestion door answered ${answer.status} to a batch of ${batch.length} events: ${text.slice(0, 500)}`);
    const again = (JSON.parse(text) as { status: string }[]).find(({ status }) => status === 'unavailable' || status === 'overloaded');
    if (again !== undefined) throw new RheiError('unavailable', `an event was not taken in: ${again.status}`);
  });
}
