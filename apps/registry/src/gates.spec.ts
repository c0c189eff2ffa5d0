import { compare, comparison, compileGate, judge } from './gates';
import { readReport, type Report, type Slice } from './report';

const aReport = (over: Partial<Report> = {}): Report => ({
  challenger: { logLoss: 0.41, auc: 0.68, brier: 0.13 }, champion: {}, championDigest: '', linear: {}, difference: {}, baseRate: { logLoss: 0.45, auc: 0.5, brier: 0.15 },
  holdout: { from: 0, to: 1_209_600_000_000, rows: 400 }, fit: { rows: 1600 }, ...over,
});
const notWorse = { name: 'not worse than the champion', rule: '!has(champion.logLoss) || challenger.logLoss <= champion.logLoss + 0.01' };

describe('a gate', () => {
  it('is met when its rule holds, and records the values that it read', () => {
    const [, gate] = judge([{ name: 'beats the base rate', rule: 'challenger.logLoss < baseRate.logLoss + 0.002' }], aReport(), '');
    expect(gate).toEqual({ gate: 'beats the base rate', rule: 'challenger.logLoss < baseRate.logLoss + 0.002', passed: true, inputs: { 'challenger.logLoss': 0.41, 'baseRate.logLoss': 0.45 }, reason: '' });
  });

  it('is unmet when its rule does not hold, and says which rule', () => {
    const [, gate] = judge([{ name: 'enough rows', rule: 'holdout.rows >= 1000' }], aReport(), '');
    expect(gate).toEqual({ gate: 'enough rows', rule: 'holdout.rows >= 1000', passed: false, inputs: { 'holdout.rows': 400 }, reason: 'holdout.rows >= 1000 does not hold' });
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

describe('a gate on calibration and differences', () => {
  const measured = aReport({
    challenger: { logLoss: 0.41, calibration: { error: 0.02, low: 0.01, high: 0.04 } }, linear: { logLoss: 0.43 },
    difference: { champion: { mean: -0.01, low: -0.02, high: 0.004, rows: 400 } },
  });
  const judged = (rule: string, report: Report): { passed: boolean; inputs: Record<string, unknown>; reason: string } => judge([{ name: 'g', rule }], report, '')[1];

  it('reads the error, its interval and the difference to each', () => {
    expect(judged('challenger.calibration.high <= 0.05 && difference.champion.high < 0.005 && challenger.logLoss < linear.logLoss', measured))
      .toMatchObject({ passed: true, inputs: { 'challenger.calibration.high': 0.04, 'difference.champion.high': 0.004, 'linear.logLoss': 0.43 } });
  });

  it('is unmet with a reason that names what was not measured', () => {
    expect(judged('challenger.calibration.error < 0.1', aReport())).toMatchObject({ passed: false, inputs: { 'challenger.calibration.error': null }, reason: 'challenger.calibration.error < 0.1 reads challenger.calibration.error, which the run did not measure' });
    expect(judged('difference.linear.high < 0.0', measured).reason).toContain('reads difference.linear.high, which');
    expect(judged('slices.all(s, s.rows < 200)', aReport())).toMatchObject({ passed: false, inputs: { slices: null }, reason: 'slices.all(s, s.rows < 200) reads slices, which the run did not measure' });
  });

  it('may ask whether a difference was measured', () => {
    expect([aReport(), measured].map((report) => judged('!has(difference.champion) || difference.champion.low < -0.05', report).passed)).toEqual([true, false]);
  });
});

describe('a gate on slices', () => {
  const rule = 'slices.all(s, s.rows < 200 || !has(s.difference) || s.difference.low <= 0.05)';
  const slice = (value: string, rows: number, low?: number): Slice => ({ field: 'origin', value, rows, logLoss: 0.5, ...(low !== undefined && { difference: { mean: low + 0.01, low, high: low + 0.02 } }) });
  const judged = (some: Slice[], text = rule): ReturnType<typeof judge>[number] => judge([{ name: 'fair', rule: text }], aReport({ slices: some }), '')[1];

  it('holds for each of them, small ones and those without a champion left out', () => {
    expect(judged([slice('A', 100, 0.2), slice('B', 300), slice('C', 300, 0.01)])).toEqual({ gate: 'fair', rule, passed: true, inputs: { slices: 3 }, reason: '' });
  });

  it('names those that broke it, with their figures', () => {
    const broken = judged([slice('A', 300, 0.01), slice('DEN', 250, 0.06), slice('B', 100, 0.3), slice('X', 900, 0.1)]);
    expect(broken.reason).toBe(`2 of 4 slices break ${rule}: origin = DEN (250 rows, log loss 0.5000, difference 0.0700, 0.0600 to 0.0800); origin = X (900 rows, log loss 0.5000, difference 0.1100, 0.1000 to 0.1200)`);
    expect(broken.inputs).toMatchObject({ slices: 4, 'slices[origin = DEN].rows': 250, 'slices[origin = DEN].difference.low': 0.06, 'slices[origin = X].logLoss': 0.5 });
    expect(Object.keys(broken.inputs)).toHaveLength(11);
  });

  it('names one whose figures are missing, for a rule that needs them', () => {
    expect(judged([slice('A', 300, 0.01), slice('B', 300)], 'slices.all(s, s.difference.high < 0.1)').reason).toContain('1 of 2 slices break slices.all(s, s.difference.high < 0.1): origin = B (300 rows, log loss 0.5000, no difference measured)');
  });

  it('is unmet where a run measured none, for all of none is no answer', () => {
    const report = readReport({ challenger: { logLoss: 0.4 }, slices: [] })!;
    expect(judge([{ name: 'fair', rule }], report, '')[1]).toMatchObject({ passed: false, inputs: { slices: null } });
  });

  it('names none where no slice alone is the reason', () => {
    expect(judged([slice('A', 300, 0.2)], 'slices.size() > 3')).toMatchObject({ passed: false, inputs: { slices: 1 }, reason: 'slices.size() > 3 does not hold' });
  });

  it('is told an unknown field with its place when it is applied', () => {
    expect(() => compileGate('slices.all(s, s.loss < 0.5)')).toThrow(/at 1:17: there is no field "loss"; expected one of field, value, rows, logLoss, difference/);
    expect(() => compileGate('challenger.calibration.eror < 0.1')).toThrow(/there is no field "eror"; expected one of error, low, high, slope/);
    expect(() => compileGate('difference.campion.high < 0.1')).toThrow(/expected one of champion, linear, baseRate/);
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
      .toEqual({ challenger: { logLoss: 0.4 }, champion: {}, championDigest: '', linear: {}, difference: {}, baseRate: { logLoss: 0.45 }, holdout: { from: 1_000_000, to: 2_000_000, rows: 10 }, fit: { rows: 90 } });
  });

  it('takes over intervals and slices, and leaves out what has another shape', () => {
    const report = readReport({
      challenger: { logLoss: 0.4, calibration: { error: 0.02, low: 0.01, high: 0.03, bins: [{ predicted: 0.1, observed: 0.2, rows: 5 }] } }, champion: { unable: 'it reads fog', calibration: 'none' }, linear: { logLoss: 0.5 },
      difference: { champion: null, linear: { mean: -0.1, low: -0.2, high: -0.05, rows: 10 }, other: { mean: 1, low: 1, high: 1 } },
      slices: [{ field: 'hour', value: 7, rows: 5, logLoss: 0.3, difference: null }, { value: 'x' }, 'nonsense'],
    });
    expect(report).toMatchObject({ challenger: { logLoss: 0.4, calibration: { error: 0.02, low: 0.01, high: 0.03 } }, champion: {}, linear: { logLoss: 0.5 } });
    expect(report?.difference).toEqual({ linear: { mean: -0.1, low: -0.2, high: -0.05, rows: 10 } });
    expect(report?.slices).toEqual([{ field: 'hour', value: '7', rows: 5, logLoss: 0.3 }]);
  });

  it('is none without scores of the challenger', () => expect([readReport(undefined), readReport([]), readReport({ holdout: {} })]).toEqual([undefined, undefined, undefined]));
});
