import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { FakePlatform, rheiOf } from './platform.fixture';

const built = join(__dirname, '..', 'dist', 'main.js');
let platform: FakePlatform;
beforeAll(async () => {
  platform = new FakePlatform();
  await platform.start();
  for (const [kind, name] of [['Model', 'late'], ['Model', 'lost'], ['Model', 'churn'], ['Deployment', 'departures'], ['TrainingPlan', 'nightly']]) platform.resources.set(`${kind}/${name}`, { kind, name, specJson: '{}', version: 1 });
});
afterAll(() => platform.stop());

/** What bash offers after each of these lines, by the function that `rhei completion bash` defines, in one real bash. */
async function offered(...lines: string[][]): Promise<string[][]> {
  const { out: script } = await rheiOf(platform, 'completion', 'bash');
  const ask = lines.map((words) => `COMP_WORDS=(rhei ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _rhei; printf '%s\\n' "\${COMPREPLY[@]}" ----`);
  const program = `rhei() { '${process.execPath}' '${built}' "$@"; }\n${script}\ncomplete -p rhei >&2\n${ask.join('\n')}\n`;
  const bash = spawn('bash', ['--noprofile', '--norc', '-c', program], { env: { PATH: process.env['PATH'], RHEI_URL: 'http://127.0.0.1:1', RHEI_GRPC: `127.0.0.1:${platform.port}`, RHEI_TOKEN: 'good' } });
  let [out, err] = ['', ''];
  bash.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  bash.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  await new Promise((resolve) => bash.once('close', resolve));
  expect(err).toMatch(/^complete .*-F _rhei rhei\n$/);
  return out.split('----\n').slice(0, -1).map((part) => part.split('\n').filter((word) => word !== ''));
}

describe('completion in bash', () => {
  it('offers commands, options, names of resources and versions, each after what stands before it', async () => {
    const [within, models, versions, services, files] = await offered(['models', 'v'], ['--json', 'models', 'show', 'l'], ['models', 'show', 'late', ''], ['dead-letters', 'list', '--service', '=', 'mon'], ['apply', '-f', '']);
    expect([within, models, versions, services, files]).toEqual([['versions'], ['late', 'lost'], ['2'], ['monitoring'], []]);
  }, 60_000);
});

describe('what may come next', () => {
  it.each([
    ['mod', ['models']], ['models list --js', ['--json']], ['--json status --j', []], ['approve lo', ['lost']], ['predict ', ['departures']], ['runs start ', ['nightly']], ['runs list --model ch', ['churn']],
    ['describe M', ['Model', 'Monitor']], ['get trainingplans ', ['nightly']], ['get --output ', ['table', 'yaml', 'json']], ['why mod', ['model']], ['completion ', ['bash', 'zsh', 'fish']],
    ['nonsense ', []], ['apply -f ', []], ['--grpc 127.0.0.1:9 models show ', []], ['--token bad models show ', []],
  ])('after %j is %j', async (line, expected) => {
    const { code, out, err } = await rheiOf(platform, '__complete', '--', ...line.split(' '));
    expect([code, err, out.split('\n').filter(Boolean).map((one) => one.split('\t')[0])]).toEqual([0, '', expected]);
  });
});

describe('rhei completion', () => {
  it('has a script for each shell, and names them to who asks for another', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) expect((await rheiOf(platform, 'completion', shell)).out).toContain('__complete -- ');
    expect(await rheiOf(platform, 'completion', 'tcsh')).toMatchObject({ code: 2, err: expect.stringContaining('Allowed choices are bash, zsh, fish') });
  });

  it('says beside each word what it is about, where the shell can show it', async () => {
    expect((await rheiOf(platform, '__complete', '--', 'models', 'show', 'late', '')).out).toBe('2\tawaiting approval\n');
    expect((await rheiOf(platform, '__complete', '--', 'mod')).out).toMatch(/^models\tLists models/);
    expect((await rheiOf(platform, '--help')).out).not.toContain('__complete');
  });

  it('is not kept waiting by the runtime, which only some commands need', () => {
    const loaded = execFileSync(process.execPath, ['-e', `require(${JSON.stringify(join(built, '..', 'program.js'))}); console.log(Object.keys(require.cache).filter((file) => /@nestjs|typeorm|duckdb/.test(file)).length)`]);
    expect(loaded.toString()).toBe('0\n');
  });
});
