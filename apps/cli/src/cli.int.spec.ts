import { serviceNames, type runtime } from '@rhei/contracts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakePlatform, rheiAt, rheiOf } from './platform.fixture';

let platform: FakePlatform;
let folder: string;
beforeEach(async () => {
  platform = new FakePlatform();
  await platform.start();
  folder = mkdtempSync(join(tmpdir(), 'rhei-cli-'));
});
afterEach(() => {
  platform.stop();
  rmSync(folder, { recursive: true });
});

const rhei = (...args: string[]) => rheiOf(platform, ...args);

describe('rhei apply', () => {
  const write = (rule: string): string => {
    const path = join(folder, 'all.yaml');
    writeFileSync(path, `apiVersion: rhei/v1\nkind: Source\nmetadata: {name: airline}\nspec: {rule: ${rule}}\n---\napiVersion: rhei/v1\nkind: Model\nmetadata: {name: late}\nspec: {rule: a > b}\n`);
    return path;
  };

  it('shows a plan, applies it, and finds nothing to change the second time', async () => {
    const path = write('a > 1');
    expect(await rhei('apply', '-f', path, '--plan')).toEqual({ code: 0, out: '+ Source/airline  (version 1)\n+ Model/late  (version 1)\n', err: 'A plan: 2 created, 0 changed, 0 the same. Nothing was applied.\n' });
    expect(platform.resources.size).toBe(0);
    expect((await rhei('apply', '-f', path)).err).toBe('Applied: 2 created, 0 changed, 0 the same.\n');
    expect(await rhei('apply', '-f', path)).toEqual({ code: 0, out: '', err: 'Nothing to change: 2 resources are as in the files.\n' });
  });

  it('shows what was and what will be', async () => {
    await rhei('apply', '-f', write('a > 1'));
    const { out } = await rhei('apply', '-f', write('a > 2'));
    expect(out).toContain('~ Source/airline  (version 1)\n    compatible: it may be left out\n    /spec\n      - {"rule":"a > 1"}\n      + {"rule":"a > 2"}\n');
    expect(JSON.parse((await rhei('apply', '--json', '-f', folder)).out)).toMatchObject({ applied: false, changes: [{ kind: 'Source', action: 'none' }, { kind: 'Model', action: 'none' }] });
  });

  it('points at every fault, those of the files and those that a service finds, and applies nothing', async () => {
    const path = write('a >> 1');
    writeFileSync(join(folder, 'more.yaml'), 'apiVersion: rhei/v1\nkind: Modle\nmetadata: {name: x}\nspec: {}\n');
    const { code, out, err } = await rhei('apply', '-f', folder);
    expect([code, out]).toEqual([2, '']);
    expect(err.split('\n')).toEqual([
      expect.stringContaining('more.yaml:2:7: no service knows the kind "Modle"'),
      `${path}:4:17: this cannot be read (expected an operand, got >)`,
      'invalid: 2 errors in the files; nothing was applied.', '',
    ]);
    expect(err).toContain('Did you mean Model?');
    expect(platform.resources.size).toBe(0);
    expect(JSON.parse((await rhei('apply', '-f', folder, '--json')).err)).toMatchObject({ code: 'invalid', problems: [{ message: expect.any(String) }, { at: `${path}:4:17` }] });
  });

  it('is undone by nobody: what `get` prints can be applied again', async () => {
    await rhei('apply', '-f', write('a > 1'));
    expect((await rhei('get')).out).toBe('KIND    NAME     VERSION\nSource  airline        1\nModel   late           1\n');
    const yaml = (await rhei('get', 'sources', 'airline')).out;
    expect(yaml).toBe('# version 1\napiVersion: rhei/v1\nkind: Source\nmetadata:\n  name: airline\nspec:\n  rule: a > 1\n');
    writeFileSync(join(folder, 'all.yaml'), yaml);
    expect((await rhei('apply', '-f', folder)).err).toContain('Nothing to change');
    expect((await rhei('get', 'model', 'lat')).code).toBe(3);
    expect(JSON.parse((await rhei('get', 'model', 'churn', '--json')).err)).toMatchObject({ code: 'not_found', field: 'name', expected: 'one of late', got: 'churn', hint: '"rhei get Model" lists what there is' });
    expect(JSON.parse((await rhei('get', 'boat', '--json')).err)).toMatchObject({ code: 'invalid', field: 'kind', expected: expect.stringContaining('Model'), got: 'boat', hint: expect.any(String) });
    expect(JSON.parse((await rhei('get', 'monitors', '--json')).out)).toEqual([]);
  });
});

describe('rhei status', () => {
  it('shows the six services and what waits, in 80 columns', async () => {
    const { code, out } = await rheiAt(platform, { columns: 80 }, 'status');
    expect(code).toBe(0);
    expect(out).toContain('System clock, 2001-03-01T00:00:00Z');
    expect(out).toMatch(/ingestion +yes +2001-03-01 00:00 +2 +1 +60 +0 +0\n/);
    expect(out).toContain('feature: RecordAccepted, key 1, 3 waiting');
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('ends with 7 when a service is not ready, and says why', async () => {
    platform.notReady.add('serving');
    const { code, out } = await rhei('status');
    expect(code).toBe(7);
    expect(out).toContain('serving: its database is away');
    const json = JSON.parse((await rhei('status', '--json')).out) as { ready: boolean; services: { service: string }[] };
    expect([json.ready, json.services.map(({ service }) => service)]).toEqual([false, [...serviceNames]]);
  });

  it('ends with 4 when the token is not known there, and says where it came from', async () => {
    const { code, err } = await rhei('status', '--token', 'bad');
    expect(code).toBe(4);
    expect(err).toContain('unauthenticated: This token is not known here.');
    expect(err).toContain('from RHEI_URL; token from --token');
  });
});

describe('rhei why', () => {
  beforeEach(() => {
    const version = (n: number): runtime.Reference => ({ service: 'registry', kind: 'version', id: `late/${n}` });
    platform.causes = {
      'serving/prediction/p1': { title: 'Prediction p1: 0.4', lines: ['distance = 100'], causes: [version(2)] },
      'registry/version/late/2': { title: 'Version late/2 is champion', causes: [{ service: 'training', kind: 'run', id: 'r2' }] },
      'training/run/r2': { title: 'Run r2', causes: [{ service: 'monitoring', kind: 'retraining', id: 'x' }, { service: 'feature', kind: 'training-set', id: 'gone' }] },
      // The window looked at the very version that the chain began with.
      'monitoring/retraining/x': { title: 'Retraining x', causes: [version(2)] },
    };
  });

  it('follows the causes through the services, each told once', async () => {
    expect((await rhei('why', 'prediction', 'p1')).out).toBe([
      'Prediction p1: 0.4  [serving]', '    distance = 100',
      '  ← Version late/2 is champion  [registry]', '    ← Run r2  [training]', '      ← Retraining x  [monitoring]',
      '        ← version late/2 (shown above)  [registry]', '      ← training-set gone (not on record)  [feature]', '',
    ].join('\n'));
  });

  it('finds out by itself what is asked about, and goes as deep as is wanted', async () => {
    expect(JSON.parse((await rhei('why', 'late/2', '--json', '--depth', '1')).out)).toMatchObject([
      { kind: 'version', title: 'Version late/2 is champion', causes: [{ kind: 'run', causes: [{ kind: 'retraining', ends: 'deeper' }, { ends: 'deeper' }] }] },
    ]);
    expect(await rhei('why', 'nobody')).toMatchObject({ code: 3, err: expect.stringContaining('not_found: No service knows "nobody"') });
  });
});

describe('rhei approve', () => {
  it('shows gates and metrics, and does not go on where nobody can be asked', async () => {
    const { code, err } = await rhei('approve', 'late', '2');
    expect(code).toBe(2);
    expect(err).toContain('met    beats the base rate: challenger.logLoss = 0.4100');
    expect(err).toMatch(/logLoss +0.4100 +0.5000/);
    expect(err).toContain('say --yes');
    expect(platform.version.state).toBe('awaiting_approval');
  });

  it('binds the approval to the digest that was shown, or named', async () => {
    expect(await rhei('approve', 'late', '2', '--digest', 'other')).toMatchObject({ code: 5, err: expect.stringContaining('conflict: Version late/2 is another artifact.\n  hint: look at it again') });
    expect((await rhei('approve', 'late/2', '--yes', '--comment', 'seen')).out).toBe('late/2 was approved by reviewer; it is champion.\n');
    expect(platform.version.reason).toBe('seen');
  });

  it('names the versions that there are when another is asked for', async () => {
    expect(await rhei('approve', 'late', '7', '--yes')).toMatchObject({ code: 3, err: expect.stringContaining('Model "late" has no version 7') });
  });
});

describe('rhei predict', () => {
  it('prints the answer with its version, its as-of time and what was missing', async () => {
    const { out, err } = await rhei('predict', 'departures', 'distance=250', '--id', 'mine');
    expect(out).toBe('probability  0.2500\nversion      2\nas of        2001-03-01T00:00:00Z\nid           mine\nmissing      route_late (expired)\n');
    expect(err).toBe('Why: rhei why prediction mine\n');
    const file = join(folder, 'request.json');
    writeFileSync(file, '{"distance": 500}');
    expect(JSON.parse((await rhei('predict', 'departures', '-f', file, '--json')).out)).toMatchObject({ version: '2', predictions: [{ probability: 0.5 }] });
  });
});

describe('rhei audit', () => {
  beforeEach(() => ['a', 'b', 'c'].forEach((action) => platform.decide('version/late/2', action)));

  it('verifies all six chains, from the platform and from an export', async () => {
    const { code, out } = await rhei('audit', 'verify');
    expect([code, out]).toEqual([0, expect.stringMatching(/registry +3 +holds/)]);
    const file = join(folder, 'audit.jsonl');
    writeFileSync(file, (await rhei('audit', 'export')).out);
    expect(await rhei('audit', 'verify', '--file', file, '--json')).toMatchObject({ code: 0, out: expect.stringContaining('"verified": true') });
  });

  it('ends with 1 and names the decision whose row was changed', async () => {
    platform.decisions[1] = { ...platform.decisions[1], by: 'eve' };
    const { code, out, err } = await rhei('audit', 'verify');
    expect([code, out]).toEqual([1, expect.stringMatching(/registry +3 +BROKEN at 2/)]);
    expect(err).toContain('registry, decision 2: expected hash');
  });

  it('notices that the end of an export was cut off', async () => {
    const file = join(folder, 'audit.jsonl');
    writeFileSync(file, (await rhei('audit', 'export')).out.trimEnd().split('\n').slice(0, -1).join('\n'));
    expect(await rhei('audit', 'verify', '--file', file)).toMatchObject({ code: 1, err: expect.stringContaining('registry, decision 2: expected the chain to end at 3') });
    writeFileSync(file, '{"format":"rhei-audit-1"}\n{"service":"registry"}\n');
    expect(await rhei('audit', 'verify', '--file', file)).toMatchObject({ code: 2, err: expect.stringContaining('audit.jsonl:2 is no decision') });
  });
});

describe('what nobody can do', () => {
  it.each<[string, string[], number, object]>([
    ['a question where nobody is there', ['approve', 'late', '2'], 2, { field: '--yes', expected: 'somebody to ask, or --yes', got: 'no terminal' }],
    ['an audit file that is not there', ['audit', 'verify', '--file', '/no/such/file'], 3, { field: '--file', expected: 'an export of the audit log', got: '/no/such/file' }],
    ['an audit file that is none', ['audit', 'verify', '--file', 'none.jsonl'], 2, { field: '--file', got: expect.stringContaining('none.jsonl') }],
    ['an audit file with a line that is no decision', ['audit', 'verify', '--file', 'odd.jsonl'], 2, { field: '--file', got: expect.stringContaining('odd.jsonl:2') }],
    ['a replay of no dead letter', ['dead-letters', 'replay'], 2, { field: 'id', expected: 'SERVICE/ID, or --all', got: 'nothing' }],
    ['a replay of one dead letter by a filter', ['dead-letters', 'replay', 'feature/7', '--type', 'x'], 2, { field: 'id', expected: 'SERVICE/ID, or --all with filters', got: 'both' }],
  ])('%s is told with the place, what was expected, and what came', async (_what, args, exit, fault) => {
    writeFileSync(join(folder, 'none.jsonl'), '{"format":"other"}\n');
    writeFileSync(join(folder, 'odd.jsonl'), '{"format":"rhei-audit-1"}\n{"service":"registry"}\n');
    const { code, err } = await rhei(...args.map((arg) => (arg.endsWith('.jsonl') ? join(folder, arg) : arg)), '--json');
    expect(code).toBe(exit);
    expect(JSON.parse(err.slice(err.lastIndexOf('\n{') + 1))).toMatchObject({ ...fault, hint: expect.any(String) });
  });
});
