import { eventually, instant, startServices, type RunningServices } from '@rhei/testing';
import { anEvent, applySource, contract, publish } from '../spec/airline';
import { IngestionModule } from './index';

const start = instant('2001-01-01T00:00:00Z');
const hour = 3_600_000_000;

describe('arrival', () => {
  let services: RunningServices;
  const send = (event: object) => publish(services, event, {});
  beforeAll(async () => {
    services = await startServices([IngestionModule], { clock: 'replay', at: start });
    await applySource(services, 'airline', contract);
  }, 60_000);
  afterAll(() => services?.stop());

  it('is closed by a timer for idle shards, on a grid of a day in virtual time, and only grows', async () => {
    const before = services.published('ArrivalsClosed').length;
    const fired = await services.runTimers(start + 60 * hour);
    expect(fired).toEqual([24, 48].map((hours) => expect.objectContaining({ kind: 'close-arrivals', key: 'records', due: start + hours * hour })));
    expect(services.published('ArrivalsClosed').slice(before).map(({ watermark }) => watermark).sort()).toEqual([24, 24, 48, 48].map((hours) => start + hours * hour));

    await Promise.all(Array.from({ length: 30 }, () => send(anEvent())));
    await services.setTime(start + 61 * hour);
    await Promise.all(Array.from({ length: 30 }, () => send(anEvent())));
    await services.runTimers(start + 72 * hour);
    const after = await send(anEvent());
    // The instant was closed: what comes at it has arrived after it.
    expect(after.answer.arrival).toBe('2001-01-04T00:00:00.000001Z');
    await services.settle();
    const [{ shards }] = await services.database('ingestion').query<{ shards: number }>('SELECT count(DISTINCT shard)::int AS shards FROM record');
    expect(shards).toBe(2);
    for (const shard of [0, 1]) {
      const said = services.published('RecordAccepted').filter((event) => event.shard === shard);
      let last = 0;
      for (const { watermark, records } of said) {
        expect(watermark).toBeGreaterThanOrEqual(last);
        for (const { arrival } of records) expect(arrival).toBeGreaterThan(Math.max(last, watermark));
        last = watermark;
      }
    }
  });
});

describe('on the system clock', () => {
  it('stamps later what comes later, and closes idle shards without being told', async () => {
    const services = await startServices([IngestionModule], { clock: 'system', env: { INGESTION_WATERMARK_INTERVAL: '200ms' } });
    try {
      await applySource(services, 'airline', contract);
      const arrivals: string[] = [];
      for (let round = 0; round < 5; round++) arrivals.push((await publish(services, anEvent(), {})).answer.arrival as string);
      expect(arrivals).toEqual([...arrivals].sort());
      await eventually('both shards say that nothing is missing', () => [0, 1].every((shard) =>
        services.published('ArrivalsClosed').some((closed) => closed.shard === shard && closed.watermark >= instant(arrivals[4]))));
    } finally {
      await services.stop();
    }
  });
});
