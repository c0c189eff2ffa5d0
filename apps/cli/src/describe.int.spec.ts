import { monitoring, training } from '@rhei/contracts';
import { FakePlatform, rheiAt, rheiOf } from './platform.fixture';

let platform: FakePlatform;
beforeEach(async () => {
  platform = new FakePlatform();
  await platform.start();
  const put = (kind: string, name: string, spec: object): void => void platform.resources.set(`${kind}/${name}`, { kind, name, specJson: JSON.stringify(spec), version: 2 });
  put('Source', 'airline', { owner: 'ops' });
  put('Model', 'late', { owner: 'team', gates: [{ name: 'rows', rule: 'holdout.rows > 1' }] });
  put('TrainingPlan', 'late', { model: 'late', featureSet: 'lateness' });
  put('Deployment', 'departures', { model: 'late', featureSet: 'lateness' });
  ['model/late/2', 'model/other/1', 'model/late/2'].forEach((subject, index) => platform.decide(subject, ['register', 'gate', 'approve'][index]));
});
afterEach(() => platform.stop());
const rhei = (...args: string[]) => rheiOf(platform, ...args);

describe('rhei describe', () => {
  it('shows all about a resource on one page', async () => {
    const { code, out } = await rhei('describe', 'models', 'late');
    expect(code).toBe(0);
    expect(out).toContain('kind               Model\nname               late\nversion            2\nowned by           registry\nchampion           version 1 since 1985-11-05 00:53, revision 3\n');
    expect(out).toContain('Specification\n  owner: team\n  gates:\n    - name: rows\n      rule: holdout.rows > 1\n');
    expect(out).toContain('Is referred to by\n  TrainingPlan late  (/spec/model)\n  Deployment departures  (/spec/model)\n');
    expect(out).toContain('Versions\n  1985-11-05 00:53  version 2: awaiting approval\n');
    expect(out).toMatch(/Decisions\n {2}AT +ACTION +BY +ABOUT +OUTCOME\n.*register +ann +model\/late\/2 +\{\}\n.*approve +ann/);
    expect(out).not.toContain('model/other');
  });

  it('says what a resource refers to, and what of that is not applied', async () => {
    const { out } = await rhei('describe', 'deployment', 'departures');
    expect(out).toContain('Refers to\n  Model late  (/spec/model)\n  FeatureSet lateness  (/spec/featureSet)  not applied\n');
    expect(out).toMatch(/candidate +version 2, canary with 10 % since 1989-01-05 10:40\nbeside it +version 1 \(benchmark\) for ever/);
  });

  it('is JSON for a program, and as many decisions as are wanted', async () => {
    expect(JSON.parse((await rhei('describe', 'Model', 'late', '--json', '--decisions', '1')).out)).toMatchObject({
      kind: 'Model', metadata: { name: 'late' }, version: 2, owner: 'registry', state: { versions: '1' }, referredToBy: [{ kind: 'TrainingPlan' }, { kind: 'Deployment' }], decisions: [{ action: 'approve', sequence: 3 }],
    });
  });

  it('is JSON in which nothing is lost where a fact stands more than once', async () => {
    const beside = (version: number, why: string) => ({ version, digest: 'a', why, until: 0 });
    platform.deployments = [{ ...platform.deployments[0], shadows: [beside(1, 'benchmark'), beside(3, 'replaced')] }];
    expect(JSON.parse((await rhei('describe', 'Deployment', 'departures', '--json')).out)).toMatchObject({
      state: { live: expect.stringContaining('version 1'), 'beside it': ['version 1 (benchmark) for ever', 'version 3 (replaced) for ever'] },
    });
  });

  it('shows what is known while the owning service is away, and ends with 7', async () => {
    platform.away.add('listDeployments');
    const { code, out } = await rhei('describe', 'Deployment', 'departures');
    expect([code, out]).toEqual([7, expect.stringContaining('Not known now\n  serving does not answer: Its database is away.\n')]);
    expect(out).toContain('  model: late\n');
  });

  it('names what there is when something else is asked for', async () => {
    expect(await rhei('describe', 'Model', 'lat')).toMatchObject({ code: 3, err: expect.stringContaining('did you mean late?') });
    expect(await rhei('describe', 'Modle', 'late')).toMatchObject({ code: 2, err: expect.stringContaining('did you mean Model?') });
    expect(JSON.parse((await rhei('describe', 'Model', 'lat', '--json')).err)).toMatchObject({ field: 'name', expected: 'late', got: 'lat', hint: 'did you mean late?' });
    expect(await rhei('describe', 'Model')).toMatchObject({ code: 2, err: expect.stringContaining("missing required argument 'name'") });
    expect(await rhei('describe', 'Model', 'late', '--decisions', '0')).toMatchObject({ code: 2, err: expect.stringContaining('got "0"') });
  });
});

describe('rhei top --once', () => {
  it('prints one frame of services, deployments, monitors and open runs', async () => {
    platform.monitors = [monitoring.Monitor.fromPartial({ name: 'departures', windows: 9, alarms: 2, nextWindowCloses: 6e14 })];
    platform.runs = ['succeeded', 'running', 'waiting'].map((state, index) => training.Run.fromPartial({ id: `r${index}`, plan: 'late', state, asOf: 5e14, progress: 0.5 }));
    const { code, out } = await rhei('top', '--once');
    expect(code).toBe(0);
    expect(out).toMatch(/^rhei top {2}http:\/\/127.0.0.1:1 {2}2001-03-01 00:00\n/);
    expect(out).toMatch(/feature +yes +2 +1 +1 +0/);
    expect(out).toMatch(/departures +1 +canary +2 +10 % +- +100\n/);
    expect(out).toMatch(/MONITOR +WINDOWS +ALARMS +NEXT WINDOW CLOSES\ndepartures +9 +2 +1989-01-05 10:40\n/);
    expect(out).toMatch(/r2 +late +waiting +- +.*\nr1 +late +running +50 % /);
    expect(out).not.toContain('r0');
    expect(out).not.toContain('\x1b');
    expect(JSON.parse((await rhei('top', '--json')).out)).toMatchObject({ deployments: [{ name: 'departures', live: 1, share: 0.1 }], runs: [{ id: 'r2' }, { id: 'r1' }], silent: [] });
  });

  it('fits the terminal', async () => {
    platform.notReady.add('serving');
    const { code, out } = await rheiAt(platform, { columns: 60 }, 'top', '--once');
    expect(code).toBe(7);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
  });

  it('is one frame in a pipe, and says who does not answer', async () => {
    platform.away.add('listMonitors');
    expect(await rhei('top')).toMatchObject({ code: 7, out: expect.stringContaining('monitoring does not answer: Its database is away.') });
    expect(await rhei('top', '--token', 'bad')).toMatchObject({ code: 4 });
  });
});
