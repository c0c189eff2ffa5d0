import { formatInstant, parseInstant } from '@rhei/expressions';
import { verdictOn, type Compared } from '../outcome';
import type { PlanCounts } from '../plan';
import type { Report } from '../report';
import { reportPage } from './report-page';

const scored = (logLoss: number) => ({
  logLoss,
  calibration: Array.from({ length: 8 }, (_, bin) => ({ from: bin / 10, to: (bin + 1) / 10, predicted: bin / 10 + 0.05, observed: bin / 10 + 0.02 + logLoss / 20, rows: 400 >> bin })),
});
const compared = (live: number, never: number, interval: [number, number] | null, rows = 4000): Compared => ({ rows, days: 30, difference: live - never, interval, live: scored(live), neverRetrained: scored(never) });
const day = 86_400_000_000;
const begin = parseInstant('2024-01-01T00:00:00Z');
const instant = (days: number): string => formatInstant(begin + days * day);

const planned: PlanCounts = {
  rows: 30_000, asked: 30_000, sent: 61_500, accepted: 60_000, duplicates: 600, quarantined: 900, conflicts: 60, malformed: 300, broken: 540, corrections: 900, withdrawals: 60, poisoned: 40, late: 1200,
};

function aReport(change: Partial<Report> = {}): Report {
  const overall = compared(0.4312, 0.4388, [-0.0121, -0.0031], 16_000);
  const outcome: Pick<Report, 'comparison' | 'helped'> = {
    comparison: {
      model: 'tills', baseline: 1, overall, seen: 812, same: 6000,
      months: [compared(0.44, 0.44, [0, 0]), compared(0.43, 0.436, [-0.011, -0.001]), compared(0.425, 0.439, [-0.022, -0.006]), compared(0.43, 0.44, null)].map((one, index) => ({ month: `2024-0${3 + index}`, ...one })),
    },
    helped: { difference: overall.difference, interval: overall.interval!, rows: overall.rows },
  };
  return {
    ...outcome, worth: verdictOn(outcome, one), story: 'sales', plan: 'ab12', rows: 30_000, seed: 1, period: { from: instant(0), to: instant(182) }, shuffledDays: false,
    planned, counts: { ...planned, predictions: 24_000, labelled: 23_000 }, measured: { duplicates: 598, revised: 903, withdrawn: 59, conflicts: 61, rejected: 839 },
    digests: { accepted: 'a', decisions: 'b', predictions: 'c', trainingSets: 'd', models: 'e' },
    versions: [
      { model: 'tills', version: 1, digest: 'x', state: 'retired', reason: 'plan: first', metrics: null, gates: [{ gate: 'g', passed: true, reason: '' }], liveFrom: instant(45), liveTo: null, live: [[instant(45), instant(110)], [instant(140), null]] },
      { model: 'tills', version: 2, digest: 'y', state: 'gates_unmet', reason: 'person: a | hasty try', metrics: null, gates: [{ gate: 'not <worse>', passed: false, reason: '0.5 > 0.4' }], liveFrom: null, liveTo: null, live: [] },
      { model: 'tills', version: 3, digest: 'z', state: 'champion', reason: 'drift: request.amount', metrics: null, gates: [{ gate: 'g', passed: true, reason: '' }], liveFrom: instant(110), liveTo: instant(140), live: [[instant(110), instant(140)]] },
    ],
    retrainings: 1,
    rollbacks: [{ deployment: 'tills', model: 'tills', version: 4, to: 3, by: 'guard', reason: 'scores.mean < 0.1', at: instant(140) }],
    judged: [{ monitor: 'tills', model: 'tills', version: 3, replaced: 1, verdict: 'helped', difference: -0.006, interval: [-0.011, -0.001], rows: 4000, days: 14, reason: 'enough', at: instant(125) }],
    alarms: [{ monitor: 'tills', window: [instant(98), instant(105)], at: instant(105), retraining: 'requested', reason: 'alarms > 0', tests: [{ name: 'request.amount', reference: 'fixed', slice: '', measure: 'psi', effect: 0.09, pValue: 0.001 }] }],
    windows: { tested: 17, alarms: 1, declined: 0 }, performance: [], falseAlarms: [{ monitor: 'tills', windows: 17, alarms: 1, budget: 0.01, interval: [0, 1] }], promotions: { judged: 1, hurt: 0, error: 0.025, interval: [0, 1], of: [{ model: 'late', version: 2, hurt: false }] },
    effects: ['request.amount', 'outcome', 'record.sum', 'request.shop', 'missing request.shop'].map((name, line) => ({
      monitor: 'tills', name, measure: 'psi', floor: 0.03, points: Array.from({ length: 17 }, (_, week) => ({ to: instant(63 + 7 * week), effect: 0.01 + 0.004 * line + (week > 5 && line === 0 ? 0.07 : 0.01 * Math.abs(Math.sin(week * (line + 1)))), alarm: week === 6 && line === 0 })),
    })),
    cost: [{ monitor: 'tills', unit: 'EUR', runs: 3, alarms: 1, ofRuns: 6, ofAlarms: 20, total: 26 }], runs: [{ run: 'r1', plan: 'tills', asOf: instant(45), state: 'failed', by: 'ann', reason: 'a | try', failure: 'only 3 rows' }],
    quarantine: { total: 900, mended: 540, open: 360, byCode: { conflict: { total: 60, mended: 0 }, rejected: { total: 840, mended: 540 } }, mendedBy: { steward: 540 } },
    coverage: 0.958, deadLetters: 0, parked: 0, auditVerified: true,
    timeline: [{ asOf: instant(45), service: 'training', subject: 'plan/tills', action: 'start-run', by: 'training', text: 'training → start run: first | of all', details: {} }],
    example: null, seconds: { total: 99.5, perStep: 0.1, perRecord: 0.001, by: { settle: 3 }, byService: {} }, memoryBytes: null, unmet: [], ...change,
  };
}
const one = { trained: 1, refused: 0, live: 1 };
const pageOf = (report: Report): string => reportPage(report).find(({ name }) => name === 'report.md')!.text;

describe('the page of a story', () => {
  it('says at its top whether it was worth it, with the interval', () => {
    const [, verdict] = pageOf(aReport()).split('\n\n');
    expect(verdict).toMatch(/^\*\*Training again helped: .*-0\.0076 \(95 % interval -0\.0121 to -0\.0031\) on 16000 predictions that both scored\.\*\*$/);
  });

  it('has each event of the story in it', () => {
    const page = pageOf(aReport());
    for (const fact of [
      '| 2024-05 | 4000 | 30 | 0.4250 | 0.4390 | -0.0140 | -0.0220 to -0.0060 |', '| tills v3 | v1 | helped | -0.0060 |', '1 of 17 windows', 'between 0 and 1 alarms', 'request.amount PSI 0.090',
      '**not met**: not &lt;worse&gt; (0.5 &gt; 0.4)', '| tills v4 | v3 | guard |', '900 different contents, 540 mended (540 by steward), 360 open', '| broken contract, and malformed | 840 | 839 |', '| duplicates | 600 | 598 |', '| corrections | 900 | 903 |', '| withdrawals | 60 | 59 |', '| conflicting content under a known id | 60 | 61 |', '| late | 1200 |  |',
      '0 of 1 that had days enough for a verdict, and stayed until it, hurt; were no version worse, chance alone would find between 0 and 1 (95 %)', '95.8 %', '26 | EUR', '2024-02-15 00:00 to 2024-04-20 00:00, 2024-05-20 00:00 to the end |', 'failed: only 3 rows',
    ]) expect(page).toContain(fact);
  });

  it('shows its plots, each of which is there', () => {
    const files = reportPage(aReport());
    const shown = [...pageOf(aReport()).matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, name]) => name);
    expect(shown.sort()).toEqual(['alarms.svg', 'calibration.svg', 'difference.svg', 'log-loss.svg']);
    for (const name of shown) expect(files.find((file) => file.name === name)?.text).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]*<title id="title">[\s\S]*<desc id="description">[\s\S]*<\/svg>\n$/);
  });

  it('names in a plot what is in it, and the unit of each axis', () => {
    const svg = (report: Report, name: string): string => reportPage(report).find((file) => file.name === name)!.text;
    expect(svg(aReport(), 'alarms.svg')).toContain('>rolled back<');
    const quiet = svg(aReport({ alarms: [] }), 'alarms.svg');
    expect([quiet.includes('>alarm<'), quiet.includes('>a version went live<')]).toEqual([false, true]);
    for (const name of ['log-loss.svg', 'difference.svg']) expect(svg(aReport(), name)).toContain('(nats)');
    const [line] = aReport().effects;
    expect(svg(aReport({ effects: [line, { ...line, monitor: 'shops' }] }), 'alarms.svg')).toContain('>shops: request.amount<');
  });

  it('lets no mark hide another of the same instant, and scales the calibration to where the probabilities are', () => {
    const svg = (report: Report, name: string): string => reportPage(report).find((file) => file.name === name)!.text;
    const together = aReport({ rollbacks: [{ deployment: 'tills', model: 'tills', version: 4, to: 3, by: 'guard', reason: '', at: instant(105) }] });
    const places = [...svg(together, 'alarms.svg').matchAll(/"\/><path d="M([\d.]+) ([\d.]+)m-/g)].map(([, x, y]) => `${x} ${y}`);
    expect(places).toHaveLength(4);
    expect(new Set(places).size).toBe(4);
    const rare = (one: Compared): Compared => ({ ...one, live: { ...one.live, calibration: one.live.calibration.slice(0, 3) }, neverRetrained: { ...one.neverRetrained, calibration: one.neverRetrained.calibration.slice(0, 3) } });
    const { comparison } = aReport();
    expect(svg(aReport({ comparison: { ...comparison!, overall: rare(comparison!.overall!) } }), 'calibration.svg')).not.toContain('>1.0<');
  });

  it('is the same, byte for byte, whatever a watch showed', () => {
    const slow = aReport({ seconds: { total: 500, perStep: 1, perRecord: 1, by: { settle: 9 }, byService: { feature: 5 } }, memoryBytes: 5 });
    expect(reportPage(slow)).toEqual(reportPage(aReport()));
  });

  it('lets no text out of its cell', () => {
    expect(pageOf(aReport())).toContain('person: a \\| hasty try');
    expect(pageOf(aReport()).split('\n').filter((line) => line.startsWith('|')).every((line) => !line.includes('<worse>'))).toBe(true);
  });

  it('can be written of a story in which nothing was ever live', () => {
    const empty = { comparison: null, helped: null };
    const report = aReport({ ...empty, worth: verdictOn(empty, one), versions: [], alarms: [], effects: [], falseAlarms: [], judged: [], rollbacks: [], timeline: [], runs: [], cost: [], coverage: null });
    expect(reportPage(report).map(({ name }) => name)).toEqual(['report.md']);
    expect(pageOf(report)).toContain('is not known');
  });
});

describe('the verdict', () => {
  const of = (difference: number, interval: [number, number], same = 0) => {
    const overall = compared(0.4 + difference, 0.4, interval);
    return verdictOn({ comparison: { model: 'tills', baseline: 1, overall, months: [], seen: 0, same }, helped: { difference, interval, rows: overall.rows } }, one);
  };

  it('calls it a help only when the whole interval is an improvement', () => {
    expect(of(-0.005, [-0.009, -0.001]).verdict).toBe('helped');
    expect(of(-0.005, [-0.011, 0.001]).verdict).toBe('unclear');
    expect(of(-0.005, [-0.011, 0.001]).sentence).toContain('It is unclear whether training again helped: the interval holds zero.');
  });

  it('claims nothing where the first version did not score what its successors answered', () => {
    expect(of(0, [0, 0], 4000).verdict).toBe('not known');
    expect(verdictOn({ comparison: null, helped: null }, one).verdict).toBe('not known');
  });

  it('says that it did not help where only the first version was ever live, and what stood in the way of others', () => {
    const after = (trained: number, refused: number) => verdictOn({ comparison: null, helped: null }, { trained, refused, live: 0 });
    expect(after(0, 0)).toEqual({ verdict: 'did not help', sentence: 'Training again did not help: no other version than the first was ever live.' });
    expect(after(3, 3).sentence).toBe('Training again did not help: none of what was trained after the first version met its gates (3 tried), and no other than the first was ever live.');
    expect(after(3, 2)).toMatchObject({ verdict: 'did not help', sentence: expect.stringContaining('of 3 trained after the first version 2 did not meet their gates') });
  });

  it('says plainly that it did not help, and whether it was worse', () => {
    expect(of(0.004, [0.001, 0.007])).toMatchObject({ verdict: 'did not help', sentence: expect.stringContaining('was worse than the version that was never retrained;') });
    expect(of(0.001, [-0.002, 0.004])).toMatchObject({ verdict: 'did not help', sentence: expect.stringContaining('whether it was worse is open') });
  });
});
