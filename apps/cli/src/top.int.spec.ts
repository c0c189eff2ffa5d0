import { PassThrough } from 'node:stream';
import { FakePlatform } from './platform.fixture';
import { run } from './run';

let platform: FakePlatform;
beforeEach(async () => {
  platform = new FakePlatform();
  await platform.start();
});
afterEach(() => platform.stop());

/** A terminal of 100 columns and 40 lines with a keyboard. */
function open(): { written(): string; press(key: string): void; close(): void; raw: boolean[]; ended: Promise<number> } {
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => void raw.push(on) });
  const stdout = Object.assign(new PassThrough({ highWaterMark: 1e7 }), { isTTY: true, columns: 100, rows: 40 });
  let text = '';
  stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const env = { RHEI_URL: 'http://127.0.0.1:1', RHEI_GRPC: `127.0.0.1:${platform.port}`, RHEI_TOKEN: 'good', NO_COLOR: '1' };
  const ended = run(['top'], { env, stdin, stdout, stderr: new PassThrough() } as unknown as Parameters<typeof run>[1]);
  return { written: () => text, press: (key) => void stdin.write(key), close: () => void stdout.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' })), raw, ended };
}
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 500) throw new Error('It did not come.');
    await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 10)));
  }
}
const frames = (text: string): string[] => text.split('\x1b[H').slice(1);

describe('rhei top on a terminal', () => {
  it('draws over its screen every two seconds, with answers a second, and leaves it as it was when "q" is pressed', async () => {
    const { written, press, raw, ended } = open();
    await until(() => frames(written()).length === 1);
    expect(written()).toMatch(/^\x1b\[\?1049h\x1b\[\?25l\x1b\[H/);
    expect(frames(written())[0]).toMatch(/departures +1 +canary +2 +10 % +- +100\x1b\[K/);
    platform.deployments = [{ ...platform.deployments[0], predictions: 300 }];
    await until(() => frames(written()).length === 2);
    const rate = Number(/departures +1 +canary +2 +10 % +([\d.]+) +300/.exec(frames(written())[1])?.[1]);
    expect(rate).toBeGreaterThan(50);
    expect(rate).toBeLessThanOrEqual(100);
    press('q');
    expect(await ended).toBe(0);
    expect(written()).toMatch(/\x1b\[\?25h\x1b\[\?1049l$/);
    expect(raw).toEqual([true, false]);
  });

  it('goes on when the platform does not answer for a moment, and ends with Ctrl-C', async () => {
    const { written, press, ended } = open();
    await until(() => frames(written()).length === 1);
    for (const method of ['listDeployments', 'listMonitors', 'listRuns', 'getStatus']) platform.away.add(method);
    await until(() => frames(written()).length === 2);
    expect(frames(written())[1]).toContain('serving does not answer: Its database is away.');
    press('\x03');
    expect(await ended).toBe(0);
  });

  it.each([['SIGTERM', 143], ['SIGHUP', 129], ['SIGINT', 130]] as const)('leaves the terminal as it was when it is ended by %s', async (signal, code) => {
    const { written, raw, ended } = open();
    await until(() => frames(written()).length === 1);
    const others = process.listeners(signal).filter((one) => one.name !== 'onSignal');
    for (const other of others) process.off(signal, other);
    process.emit(signal, signal);
    for (const other of others) process.on(signal, other);
    expect(await ended).toBe(code);
    expect(written()).toMatch(/\x1b\[\?25h\x1b\[\?1049l$/);
    expect(written().split('\x1b[?1049l')).toHaveLength(2);
    expect(raw).toEqual([true, false]);
    expect(process.listeners(signal).filter((one) => one.name.includes('onSignal'))).toEqual([]);
  });

  it('ends when nobody reads any more, without a word', async () => {
    const { written, raw, ended, close } = open();
    await until(() => frames(written()).length === 1);
    close();
    expect(await ended).toBe(0);
    expect(raw).toEqual([true, false]);
  });
});
