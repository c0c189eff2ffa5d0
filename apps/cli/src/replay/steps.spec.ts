import { serviceNames } from '@rhei/contracts';
import { HOUR, parseInstant, type Instant } from '@rhei/expressions';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Doors } from './doors';
import type { CloudEvent, Plan } from './plan';
import { ProgressFile } from './progress-file';
import { walk } from './steps';
import type { Story } from './story';

const begin = parseInstant('2024-01-01T00:00:00Z');
const step = 6 * HOUR;
class Killed extends Error {}

/** As much of a platform as the driver can see: what it is asked to do has an effect once, at the instant of its clock. */
class Platform {
  time = begin;
  /** What happened, with the instant at which it did; what is done again adds nothing. */
  readonly effects: string[] = [];
  private readonly open = new Map<string, string>();
  private timers: { service: string; due: Instant; key: string }[];
  readings = 0;
  calls = 0;
  killAt = Infinity;

  constructor() {
    this.timers = [{ service: 'monitoring', due: begin + 9 * HOUR, key: 'w' }, { service: 'training', due: begin + 12 * HOUR, key: 'look' }, { service: 'training', due: begin + 15 * HOUR, key: 'plan' }];
  }

  private happened(text: string): void {
    const at = `${(this.time - begin) / HOUR}h`;
    if (!this.effects.some((effect) => effect.endsWith(` ${text}`))) this.effects.push(`${at} ${text}`);
  }

  /** The driver dies at this call: before it has an effect, or before it hears the answer. */
  act<T>(effect: () => T): T {
    this.calls += 1;
    if (this.calls === this.killAt) throw new Killed();
    const result = effect();
    this.calls += 1;
    if (this.calls === this.killAt) throw new Killed();
    return result;
  }

  progress(service: string) {
    this.readings += 1;
    const [next] = this.timers.filter((timer) => timer.service === service).sort((a, b) => a.due - b.due);
    return { time: this.time, inFlight: {}, unsent: 0, positions: [], parked: 0, deadLetters: 0, counters: {}, ...(next && { nextTimer: { due: next.due, kind: 'k', key: next.key } }) };
  }

  setTime(time: Instant): void {
    if (time < this.time) throw new Error('the clock went back');
    this.time = time;
  }

  runTimer(service: string): void {
    const due = this.timers.filter((timer) => timer.service === service && timer.due <= this.time).sort((a, b) => a.due - b.due)[0];
    if (due === undefined) return;
    this.happened(`timer ${due.key}`);
    this.timers = this.timers.filter((timer) => timer !== due);
  }

  publish(events: CloudEvent[]): void {
    for (const { id, data } of events) {
      const broken = (data as { broken?: boolean }).broken === true;
      if (broken && !this.effects.some((effect) => effect.endsWith(` mended ${id}`))) this.open.set(id, JSON.stringify({ data }));
      this.happened(`arrived ${id}`);
    }
  }

  run(requestId: string): void {
    this.happened(`run ${requestId}`);
  }

  quarantine(after: string) {
    const events = [...this.open].map(([id, original]) => ({ id, eventId: id, original: Buffer.from(original) })).sort((a, b) => (a.id < b.id ? -1 : 1));
    return { events: after === '' ? events : [], total: events.length };
  }

  mend(id: string): void {
    this.open.delete(id);
    this.happened(`mended ${id}`);
  }
}

type Fake = Record<string, unknown>;
const answering = (platform: Platform, methods: Record<string, (request: never) => unknown>): Fake => Object.fromEntries(Object.entries(methods).map(([name, method]) => [
  name,
  (request: never, _metadata: unknown, _options: unknown, answer: (error: null, response: unknown) => void) => answer(null, name === 'getProgress' || name === 'setTime' ? method(request) : platform.act(() => method(request))),
]));

function doorsOf(platform: Platform, http: string): Doors {
  return {
    target: { http, grpc: 'none:0', token: 't', addressFrom: '', tokenFrom: '' }, tokens: { admin: 'a', developer: 'd', publisher: 'p', people: { ann: 'x' } },
    control: answering(platform, {
      getProgress: ({ service }: { service: string }) => platform.progress(service),
      setTime: ({ service, time }: { service: string; time: number }) => { if (service === 'ingestion') platform.act(() => platform.setTime(time)); return { time }; },
      runTimer: ({ service }: { service: string }) => { platform.runTimer(service); return {}; },
    }),
    training: answering(platform, { startRun: ({ requestId }: { requestId: string }) => { platform.run(requestId); return {}; } }),
    ingestion: answering(platform, {
      listQuarantine: ({ after }: { after: string }) => platform.quarantine(after),
      replayQuarantined: ({ mended }: { mended: { id: string }[] }) => { mended.forEach(({ id }) => platform.mend(id)); return {}; },
    }),
  } as unknown as Doors;
}

const at = (hours: number): Instant => begin + hours * HOUR;
const run = (hours: number) => ({ at: at(hours), as: 'ann', run: { plan: 'p', reason: 'r' } });
const fix = (hours: number) => ({ at: at(hours), as: 'ann', quarantine: { reason: 'r', fix: { source: 's', type: 'e', rename: {}, unset: ['broken'], set: {} } } });
const story = {
  name: 's', folder: '/', file: '', source: {},
  spec: { period: { from: begin, to: begin + 4 * step, step, time: 't' }, sample: { rows: 1, seed: 1 }, people: { acts: [run(0), run(9), run(12), fix(12), fix(13), run(13), fix(17), run(23)] } },
} as unknown as Story;
const event = (id: string, broken = false): CloudEvent => ({ specversion: '1.0', id, source: 's', type: 'e', time: '', datacontenttype: 'application/json', data: { broken } });
const plan: Plan = {
  digest: 'd', counts: {} as Plan['counts'],
  steps: Array.from({ length: 4 }, (_, index) => ({
    from: begin + index * step, to: begin + (index + 1) * step, asks: [],
    deliveries: [event(`good-${index}`), event(`bad-${index}`, true)].map((one) => ({ event: one, kind: 'event' as const })),
  })),
};

describe('the steps of a story', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rhei-steps-'));
  let platform: Platform;
  let server: Server;
  let http: string;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        platform.publish(JSON.parse(Buffer.concat(chunks).toString('utf8')) as CloudEvent[]);
        response.end('[]');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  /** Walks until the end, again after each death, as one who starts the driver anew would. */
  async function tell(name: string, killAt: number[]): Promise<string[]> {
    platform = new Platform();
    const file = new ProgressFile(join(folder, `${name}.json`));
    for (const kill of [...killAt, Infinity]) {
      platform.killAt = platform.calls + kill;
      try {
        const { step: index, phase } = file.resume('d', 's');
        await walk({ doors: doorsOf(platform, http), story, plan, file, watcher: { stepped: async () => undefined, spent: () => undefined, said: (text) => { throw new Error(text); } } }, { step: index, phase });
        return platform.effects;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
    }
    throw new Error('the story did not end');
  }

  it('happen one after the other, timers before people, and people see what had arrived', async () => {
    expect(await tell('once', [])).toEqual([
      '0h run s/act-1', '6h arrived good-0', '6h arrived bad-0',
      '9h timer w', '9h run s/act-2',
      '12h arrived good-1', '12h arrived bad-1', '12h timer look', '12h run s/act-3', '12h mended bad-0', '12h mended bad-1',
      '13h run s/act-6', '15h timer plan', '18h arrived good-2', '18h arrived bad-2',
      '23h run s/act-8', '24h arrived good-3', '24h arrived bad-3',
    ]);
  });

  it('wait for rest before a timer is read and before the clock moves, and not twice for one thing', async () => {
    await tell('readings', []);
    // Two readings of six services after each act and each arrival, one such rest at the beginning, none between a move and what is done there.
    const things = 3 + 8 + 4;
    expect(platform.readings).toBeLessThanOrEqual((things + 2) * 2 * serviceNames.length);
  });

  it('come out the same wherever the driver is killed, once or again at once', async () => {
    // Within one instant the order of what was done at once is no part of the outcome.
    const outcome = async (name: string, kills: number[]) => [...(await tell(name, kills))].sort();
    const undisturbed = await outcome('undisturbed', []);
    const calls = platform.calls;
    for (let kill = 1; kill <= calls; kill++) {
      expect({ kill, effects: await outcome(`killed-${kill}`, [kill]) }).toEqual({ kill, effects: undisturbed });
      if (kill % 4 === 0) expect({ kill, effects: await outcome(`again-${kill}`, [kill, 1 + (kill % 5)]) }).toEqual({ kill, effects: undisturbed });
    }
  }, 30_000);
});
