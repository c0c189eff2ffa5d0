import { compare, comparison, judge, readReport, type Report } from './gates';

const aReport = (over: Partial<Report> = {}): Report => ({
  challenger: { logLoss: 0.41, auc: 0.68, brier: 0.13 }, champion: {}, championDigest: '', baseRate: { logLoss: 0.45, auc: 0.5, brier: 0.15 },
  holdout: { from: 0, to: 1_209_600_000_000, rows: 400 }, fit: { rows: 1600 }, ...over,
});
const notWorse = { name: 'not worse than the champion', rule: '!has(champion.logLoss) || challenger.logLoss <= champion.logLoss + 0.01' };

describe('a gate', () => {
  it('is met when its rule holds, and records the values that it read', () => {
    const [, gate] = judge([{ name: 'beats the base rate', rule: 'challenger.logLoss < baseRate.logLoss + 0.002' }], aReport(), '');
    expect(gate).toEqual({ gate: 'beats the base rate', passed: true, inputs: { 'challenger.logLoss': 0.41, 'baseRate.logLoss': 0.45 }, reason: '' });
  });

  it('is unmet when its rule does not hold, and says which rule', () => {
    const [, gate] = judge([{ name: 'enough rows', rule: 'holdout.rows >= 1000' }], aReport(), '');
    expect(gate).toEqual({ gate: 'enough rows', passed: false, inputs: { 'holdout.rows': 400 }, reason: 'holdout.rows >= 1000 does not hold' });
  });

  it('may ask whether there is a champion to compare with', () => {
    const beaten = aReport({ champion: { logLoss: 0.39 }, championDigest: 'c1' });
    expect(judge([notWorse], aReport(), '')[1]).toMatchObject({ passed: true, inputs: { 'champion.logLoss': null } });
    expect(judge([notWorse], beaten, 'c1')[1]).toMatchObject({ passed: false, inputs: { 'challenger.logLoss': 0.41, 'champion.logLoss': 0.39 } });
  });

  it('is unmet, not open, when what it reads was not measured', () => {
    const [, gate] = judge([{ name: 'calibrated', rule: 'challenger.brier < 0.2' }], aReport({ challenger: { logLoss: 0.41 } }), '');
    expect(gate).toMatchObject({ passed: false, inputs: { 'challenger.brier': null } });
    expect(gate.reason).toContain('brier');
  });

  it('may compare rows and times of the holdout', () => {
    expect(judge([{ name: 'two weeks', rule: "holdout.to - holdout.from >= duration('14d') && fit.rows > 1000" }], aReport(), '')[1].passed).toBe(true);
  });
});

describe('the comparison with the champion', () => {
  it('comes first among the gates of every version', () => expect(judge([], aReport(), '')).toMatchObject([{ gate: comparison, passed: true }]));

  it('is unmet when another version has become champion since the run began', () => {
    expect(judge([], aReport({ championDigest: 'c1' }), 'c2')[0]).toMatchObject({ passed: false, inputs: { reported: 'c1', present: 'c2' } });
    expect(compare('', 'c1').reason).toContain('compared with no champion');
  });
});

describe('a report', () => {
  it('is read from what the run wrote, with times as instants', () => {
    expect(readReport({ challenger: { logLoss: 0.4, note: 'x' }, champion: null, baseRate: { logLoss: 0.45 }, holdout: { from: '1970-01-01T00:00:01Z', to: 2_000_000, rows: 10 }, fit: { rows: 90 } }))
      .toEqual({ challenger: { logLoss: 0.4 }, champion: {}, championDigest: '', baseRate: { logLoss: 0.45 }, holdout: { from: 1_000_000, to: 2_000_000, rows: 10 }, fit: { rows: 90 } });
  });

  it('is none without scores of the challenger', () => expect([readReport(undefined), readReport([]), readReport({ holdout: {} })]).toEqual([undefined, undefined, undefined]));
});
