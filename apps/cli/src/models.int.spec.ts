import { FakePlatform, rheiAt, rheiOf } from './platform.fixture';

let platform: FakePlatform;
beforeEach(async () => {
  platform = new FakePlatform();
  await platform.start();
});
afterEach(() => platform.stop());
const rhei = (...args: string[]) => rheiOf(platform, ...args);

const measured = {
  challenger: { logLoss: 0.41, calibration: { error: 0.02, low: 0.01, high: 0.04 } }, champion: { logLoss: 0.5 }, linear: { logLoss: 0.45 }, holdout: { rows: 120 },
  difference: { champion: { mean: -0.09, low: -0.1, high: -0.02, rows: 120 } },
};
const judgement = { monitor: 'm', deployment: 'departures', replaced: 1, verdict: 'helped', difference: -0.01, low: -0.02, high: -0.001, rows: 500, judgedAt: 6e14 };

describe('rhei models', () => {
  it('lists models with champion, versions and what waits', async () => {
    const { out, err } = await rhei('models', 'list');
    expect(out).toBe('MODEL  CHAMPION  SINCE       VERSIONS  WAITING  RISK     OWNER  PURPOSE\nlate          1  1985-11-05         2        1  limited  team   tell\n');
    expect(err).toContain('rhei models versions late');
    expect(JSON.parse((await rhei('models', 'list', '--json')).out)).toMatchObject([{ name: 'late', championSince: '1985-11-05T00:53:20Z', versions: 2 }]);
    platform.models = [{ ...platform.models[0], owner: 'a team with a long name', purpose: 'tell people in good time what they must know to be in time' }];
    expect((await rheiAt(platform, { columns: 80 }, 'models', 'list')).out.split('\n')[1]).toMatch(/^late +1 +1985-11-05 +2 +1 +limited +a team…? +.*…$/);
    expect((await rhei('models', 'list')).out).toContain('to be in time\n');
  });

  it('lists versions with loss, difference, where they answer and whether they helped', async () => {
    platform.version = { ...platform.version, reportJson: JSON.stringify(measured), judgements: [judgement], live: [{ deployment: 'departures', role: 'canary', share: 0.1, since: 5e14 }] };
    const { out, err } = await rhei('models', 'versions', 'late');
    expect(out).toMatch(/V +STATE +REGISTERED +LOSS +VS CHAMP +LIVE IN +HELPED +CAUSE\n2 +awaiting approval +1985-11-05 +0\.4100 +-0\.0900\* +departures \(canary\) +helped +drift: distance moved\n/);
    expect(err).toContain('rhei approve late 2');
    for (const line of (await rheiAt(platform, { columns: 80 }, 'models', 'versions', 'late')).out.trimEnd().split('\n')) {
      expect(line.length).toBeLessThanOrEqual(80);
      expect(line).toMatch(/STATE|awaiting approval/);
    }
  });

  it('shows a version with calibration, intervals, its state and its judgements', async () => {
    platform.version = { ...platform.version, reportJson: JSON.stringify(measured), judgements: [judgement], state: 'rolled_back', stateBy: 'guard', stateReason: 'errors 0.2 > 0.1', stateAt: 5e14 };
    const { out } = await rhei('models', 'show', 'late', '2');
    expect(out).toContain('state       rolled back 1985-11-05T00:53:20Z by guard: errors 0.2 > 0.1');
    expect(out).toContain('helped      helped against version 1 in departures: -0.0100 (-0.0200 to -0.0010) on 500 predictions, judged 1989-01-05T10:40:00Z');
    expect(out).toMatch(/ON 120 HELD-OUT ROWS +THIS +CHAMPION +LINEAR\nlogLoss +0\.4100 +0\.5000 +0\.4500\ncalibration error +0\.0200 +- +-\ndifference \(95 %\) +- +-0\.100\.\.-0\.020 +-\n/);
    expect(JSON.parse((await rhei('models', 'show', 'late/2', '--json')).out)).toMatchObject({ stateAt: '1985-11-05T00:53:20Z', judgements: [{ verdict: 'helped', judgedAt: '1989-01-05T10:40:00Z' }] });
  });

  it('prints card and sheet, as Markdown or JSON', async () => {
    expect((await rhei('models', 'card', 'late', '2')).out).toBe('# Model card of late 2\n');
    expect(JSON.parse((await rhei('models', 'card', 'late/2', '--json')).out)).toEqual({ model: 'late' });
    expect((await rhei('models', 'sheet', 'late', 'v2')).out).toBe('# Data sheet of late 2\n');
    expect(await rhei('models', 'card', 'late')).toMatchObject({ code: 2, err: expect.stringContaining('"late" names no version') });
    expect(JSON.parse((await rhei('models', 'card', 'late', 'two', '--json')).err)).toMatchObject({ field: 'version', expected: 'MODEL VERSION, such as churn 3', got: 'late two', hint: '"rhei models versions late" lists them' });
    expect(JSON.parse((await rhei('models', 'show', 'late', '7', '--json')).err)).toMatchObject({ code: 'not_found', field: 'version', expected: 'one of 2', got: '7' });
  });

  it('promotes after a question, also despite a rollback where that is said with a reason', async () => {
    expect(await rhei('models', 'promote', 'late', '2')).toMatchObject({ code: 2, err: expect.stringContaining('say --yes') });
    platform.version = { ...platform.version, state: 'rolled_back' };
    expect(await rhei('models', 'promote', 'late', '2', '--yes')).toMatchObject({ code: 6, err: expect.stringContaining('was rolled back') });
    expect(await rhei('models', 'promote', 'late', '2', '--yes', '--despite-rollback', '--reason', 'the guard was wrong', '--revision', '3')).toMatchObject({ code: 0, out: 'late/2 is champion as revision 4.\n' });
    expect(platform.version.reason).toBe('the guard was wrong@3');
    expect(await rhei('models', 'promote', 'late', '2', '--revision', 'last')).toMatchObject({ code: 2, err: expect.stringContaining('Expected the number of a revision, got "last"') });
  });

  it('takes a version out of use and back', async () => {
    expect(await rhei('models', 'deprecate', 'late', '2')).toMatchObject({ code: 2, err: expect.stringContaining("required option '--reason <text>' not specified") });
    expect((await rhei('models', 'deprecate', 'late', '2', '--reason', 'old')).out).toBe('late/2 is deprecated: old.\n');
    expect((await rhei('models', 'restore', 'late', '2', '--reason', 'needed')).out).toBe('late/2 is retired again.\n');
  });
});
