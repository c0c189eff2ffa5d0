import { runtime } from '@rhei/contracts';
import { startServices, type RunningServices } from '@rhei/testing';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../spec/platform-process';
import { begin, caller } from '../spec/scene';
import { modules } from './embedded';

describe('faults in what a user applies', () => {
  let running: RunningServices;
  let folder: string;
  beforeAll(async () => { running = await startServices(modules, { clock: 'replay', at: begin }); }, 60_000);
  afterAll(() => running?.stop());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rhei-faults-'));
    for (const file of ['source.yaml', 'features.yaml', 'model.yaml']) cpSync(join(root, 'examples', 'flights', file), join(folder, file));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function rhei(...args: string[]): Promise<{ code: number | null; output: string }> {
    const child = spawn(process.execPath, [join(root, 'apps', 'cli', 'bin', 'rhei.mjs'), ...args, '--url', running.http, '--grpc', running.grpc], {
      stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, RHEI_TOKEN: running.token('dev') },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => { output += bytes.toString(); });
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
  }
  /** Changes a file; tells the place of `at` in its new text, as `file:line:column`. */
  function change(file: string, from: string, to: string, at = to): string {
    const text = readFileSync(join(folder, file), 'utf8');
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    const changed = text.replace(from, to);
    writeFileSync(join(folder, file), changed);
    const before = changed.slice(0, changed.indexOf(to) + to.indexOf(at)).split('\n');
    return `${file}:${before.length}:${before.at(-1)!.length + 1}`;
  }
  const applied = async (): Promise<string[]> => {
    const call = caller(running);
    const found = await Promise.all(['ingestion', 'feature', 'training', 'registry', 'serving', 'monitoring'].map((service) =>
      call.call(runtime.ResourceServiceClient, 'listResources', { service, kind: '' }) as Promise<runtime.ListResourcesResponse>));
    call.close();
    return found.flatMap(({ resources }) => resources.map(({ kind, name }) => `${kind}/${name}`));
  };

  it('are told all at once, in all files, with line, column and what was expected, and nothing is applied', async () => {
    const places = [
      change('source.yaml', 'data.distance > 0.0', 'data.distance >'),
      change('model.yaml', 'metric: logLoss', 'metric: loss', 'loss'),
      change('model.yaml', 'riskTier: limited', 'riskTeir: limited'),
      change('features.yaml', 'maturity:', 'matured:', ''),
      change('model.yaml', 'bucket: 1d', 'bucket: daily', 'daily'),
    ];
    const { code, output } = await rhei('apply', '-f', folder);
    expect(output).toContain('expected');
    expect(code).toBe(2);
    for (const place of places) expect(output).toContain(place.split(':').slice(0, 2).join(':'));
    expect(output.match(/\.yaml:\d+:\d+/g)!.length).toBeGreaterThanOrEqual(places.length);
    expect(await applied()).toEqual([]);
  }, 30_000);

  it('keep a whole bundle out when one file is no YAML', async () => {
    writeFileSync(join(folder, 'model.yaml'), `${readFileSync(join(folder, 'model.yaml'), 'utf8')}\n---\nkind: [\n`);
    const { code, output } = await rhei('apply', '-f', folder);
    expect({ code, output }).toEqual({ code: 2, output: expect.stringMatching(/model\.yaml:\d+:\d+/) });
    expect(await applied()).toEqual([]);
  }, 30_000);

  it('leave nothing behind: the same folder, mended, is applied', async () => {
    change('source.yaml', 'data.distance > 0.0', 'data.distance >');
    expect((await rhei('apply', '-f', folder)).code).toBe(2);
    change('source.yaml', 'data.distance >', 'data.distance > 0.0');
    expect(await rhei('apply', '-f', folder)).toMatchObject({ code: 0 });
    expect((await applied()).length).toBeGreaterThan(8);
  }, 30_000);
});
