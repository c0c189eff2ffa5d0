import { KeptLogger } from '../spec/open-log';
import { Watchdog, type WatchedLane } from './kafka-watchdog';

const topic = 'registry.models';

describe('the watchdog of a consumer', () => {
  let now: number;
  let fetched: number;
  let head: number;
  let away: boolean;
  let lane: WatchedLane;
  let ended: string[];
  let watchdog: Watchdog;
  beforeEach(() => {
    [now, fetched, head, away, ended] = [0, 0, 10, false, []];
    lane = { topic, partition: 0, position: 10, busy: false, lastMove: 0 };
    watchdog = new Watchdog({
      group: 'training', topics: [topic], limit: 60_000, now: () => now, lastFetch: () => fetched, lanes: () => [lane], logger: new KeptLogger(),
      reach: async () => { if (away) throw new Error('nobody answers'); return [{ low: 0, high: head }]; },
      onFatal: (reason) => void ended.push(reason),
    });
  });
  /** Lets a minute and a half pass, looking every ten seconds. */
  const pass = async (each: () => void = () => undefined) => {
    for (let i = 0; i < 9; i++) {
      now += 10_000;
      each();
      await watchdog.look();
    }
  };

  it('lets a consumer live that asks and has nothing to read', async () => {
    await pass(() => (fetched = now));
    expect(ended).toEqual([]);
  });

  it('ends the process when the consumer asks for nothing any more', async () => {
    await pass();
    expect(ended[0]).toContain('"training" has asked for nothing for 60 s');
  });

  it('ends it when a partition stands still although there is more, and says where', async () => {
    head = 12;
    await pass(() => (fetched = now));
    expect(ended[0]).toContain('registry.models/0@10 for 60 s although the log goes on to 12');
  });

  it('lets a partition wait whose batch is with its handler', async () => {
    head = 12;
    lane.busy = true;
    await pass(() => (fetched = now));
    expect(ended).toEqual([]);
  });

  it('blames nobody while no broker answers, and gives a full minute afterwards', async () => {
    away = true;
    await pass();
    away = false;
    await pass(() => { if (now > 100_000) fetched = now; });
    expect(ended).toEqual([]);
  });
});
