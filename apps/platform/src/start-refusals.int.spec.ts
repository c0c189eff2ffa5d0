import { readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { newFolder, PlatformProcess, removeFolder, smallStory } from '../spec/platform-process';
import { DataFolder } from './data-folder';

const folders: string[] = [];
const folder = (): string => {
  folders.push(newFolder());
  return folders.at(-1)!;
};

/** A start that is expected to end by itself, with what it said. */
async function refused(data: string, args: string[], env: Record<string, string> = {}): Promise<{ code: number | null; output: string }> {
  const { code, output } = await PlatformProcess.start(data, args, env).ended;
  return { code, output };
}

describe('a start that cannot be', () => {
  // Born with --empty; its database is made once.
  const real = folder();
  let busy: Server;
  let port: string;
  beforeAll(async () => {
    busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, resolve));
    port = String((busy.address() as { port: number }).port);
  });
  afterAll(async () => {
    await new Promise((resolve) => busy.close(resolve));
    folders.forEach(removeFolder);
  });

  it.each(['HTTP', 'gRPC'])('names the %s port that is in use, and its variable', async (kind) => {
    const variable = `${kind.toUpperCase()}_PORT`;
    const { code, output } = await refused(real, ['--empty'], { [variable]: port });
    expect({ code, output }).toEqual({ code: 2, output: expect.stringMatching(new RegExp(`${kind} port ${port} cannot be taken: it is in use\\. .*${variable}`)) });
    expect(output).not.toMatch(/\n\s+at /);
  }, 60_000);

  it('names every variable that is wrong, at once', async () => {
    const { code, output } = await refused(real, ['--empty'], { HTTP_PORT: 'eighty', SERVING_QUEUE: 'long' });
    expect(code).toBe(2);
    expect(output).toMatch(/HTTP_PORT[\s\S]*SERVING_QUEUE/);
  }, 30_000);

  it('names the folder whose clock is of the other kind, and the option', async () => {
    const told = folder();
    new DataFolder(told, { clock: 'replay', story: 'a-story' });
    const [live, replayed] = await Promise.all([refused(told, ['--empty']), refused(real, ['--story', smallStory])]);
    expect(live).toEqual({ code: 2, output: expect.stringMatching(/virtual clock.* cannot be started with a system one[\s\S]*holds the story "a-story".*--data DIR/) });
    expect(live.output).toContain(told);
    expect(replayed).toEqual({ code: 2, output: expect.stringMatching(/system clock.* cannot be started with a virtual one[\s\S]*a story needs a folder of its own: --data DIR/) });
    expect(replayed.output).toContain(real);
  }, 30_000);

  it('names the data folder that cannot be written, and the option', async () => {
    const file = join(folder(), 'taken');
    writeFileSync(file, 'a file');
    for (const data of [file, join(file, 'below')]) {
      const { code, output } = await refused(data, ['--empty']);
      expect({ code, output }).toEqual({ code: 2, output: expect.stringContaining(`The data folder ${data} cannot be written`) });
      expect(output).toContain('--data DIR');
    }
  }, 30_000);

  it('names an option that does not exist, and one that does not fit', async () => {
    const data = folder();
    const [unknown, wrong, unfit] = await Promise.all([['--emtpy'], ['--rows', 'many'], ['--empty', '--once']].map((args) => refused(data, args)));
    expect(unknown).toEqual({ code: 2, output: expect.stringMatching(/'--emtpy'[\s\S]*--help/) });
    expect(wrong).toEqual({ code: 2, output: expect.stringMatching(/--rows many is no number of rows/) });
    expect(unfit).toEqual({ code: 2, output: expect.stringMatching(/--empty starts without a story/) });
    expect(readdirSync(data)).toEqual([]);
  }, 30_000);
});
