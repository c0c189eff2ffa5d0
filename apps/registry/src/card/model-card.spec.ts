import { canonicalJson } from '@rhei/expressions';
import type { registry } from '@rhei/contracts';
import { judge } from '../gates';
import { readReport } from '../report';
import { dataSheetOf } from './data-sheet';
import { dataSheetMarkdown } from './data-sheet-markdown';
import type { Facts } from './facts';
import { modelCardOf } from './model-card';
import { modelCardMarkdown } from './model-card-markdown';

const day = 86_400_000_000;
const noon = 989_323_200_000_000;
const rule = 'slices.all(s, s.rows < 200 || !has(s.difference) || s.difference.low <= 0.05)';
const report = {
  challenger: { logLoss: 0.412, auc: 0.68, brier: 0.13, calibration: { error: 0.021, low: 0.01, high: 0.04, slope: 0.95, bins: [{ rows: 90, observed: 0.12, predicted: 0.1 }, { rows: 40, observed: 0.55, predicted: 0.5 }] } },
  champion: { digest: 'a'.repeat(64), logLoss: 0.42, auc: 0.67, brier: 0.131 }, linear: { logLoss: 0.43, auc: 0.66, brier: 0.135 }, baseRate: { logLoss: 0.45, auc: 0.5, brier: 0.15 },
  difference: { champion: { mean: -0.008, low: -0.02, high: 0.004, rows: 400 }, baseRate: { mean: -0.038, low: -0.05, high: -0.02, rows: 400 } },
  slices: [{ field: 'origin', value: 'DEN', rows: 300, logLoss: 0.5, difference: { mean: 0.07, low: 0.06, high: 0.08 } }, { field: 'origin', value: 'A|B', rows: 20, logLoss: 0.4, difference: null }],
  holdout: { from: '2001-04-20T00:00:00Z', to: '2001-05-04T00:00:00Z', rows: 400 }, fit: { from: '2001-01-15T00:00:00Z', to: '2001-04-18T00:00:00Z', rows: 1600 }, leaks: [{ column: 'fog', kind: 'missing', evidence: 'AUC 0.99', overridden: true, reason: 'known' }], stopped: { round: 31, of: 40 }, cachedFrom: 'run-1',
};
const move = (over: Partial<registry.ModelVersionPromoted>): registry.ModelVersionPromoted => ({
  model: 'late', version: 1, digest: 'a', replaces: 0, replacesDigest: '', revision: 1, by: 'rita', promotedAt: noon - 9 * day, featureSet: 'set', featureSetVersion: 1, fitUntil: 0, run: 'r1', kind: 'promotion', reason: '', ...over,
});

/** A version of which all is known that can be. */
const full = (): Facts => ({
  model: { name: 'late', spec: { owner: 'team', purpose: 'Tell *whether* it is late.', riskTier: 'limited', approval: 'required', gates: [], limits: ['Not for helicopters.'] }, champion: 1, revision: 3, count: 2, awaitingApproval: 0, championSince: noon },
  version: {
    model: 'late', version: 2, digest: 'b'.repeat(64), run: 'run-2', author: 'dev', state: 'rolled_back', gates: judge([{ name: 'slices hold', rule }], readReport(report)!, 'a'.repeat(64)), comparedWith: 'a'.repeat(64),
    approvedBy: 'rita', rejectedBy: '', reason: 'looked at it', brought: { by: 'guard', reason: 'errors 0.2 > 0.1', at: noon, from: 'champion' }, registeredAt: noon - 2 * day, promotedAt: noon - day, featureSet: 'set', featureSetVersion: 1, fitUntil: noon - 9 * day,
    cause: { kind: 'drift', id: 'w7', reason: 'distance moved' }, report, signature: { features: ['hour', 'origin_late'], inputs: [] }, example: {}, parameters: { trees: 40 }, trainingSetDigest: 't'.repeat(64), codeDigest: 'c'.repeat(64), asOf: noon - 2 * day,
    card: {
      data: { rows: 2_000, windowsFullFrom: '2001-01-15T00:00:00Z', arrivalBasis: { observed: 0.75, declared: 0.25 }, leftOut: 3, views: [{ name: 'late-14d', version: 2, window: 14 * day, ttl: '30d' }, { name: 'all', version: 1, window: null, ttl: null }], sources: ['tower', 'airline'], corrected: 12, withdrawn: 1, features: [{ name: 'hour', missing: 0 }, { name: 'origin_late', missing: 0.0125 }] },
      madeBy: { run: 'run-1', asOf: '2001-04-29T12:00:00Z' },
      importance: { method: 'permutation', metric: 'logLoss', values: [{ feature: 'hour', mean: 0.01, deviation: 0.001 }, { feature: 'origin_late', mean: 0.02, deviation: 0.002 }] },
    },
    profile: { bucket: day, from: noon - 44 * day, to: noon - 2 * day, series: [{ name: 'request.distance', origin: 'request', kind: 'numeric', values: 400, missing: 4 }] },
  },
  history: {
    judgements: [{ monitor: 'm', deployment: 'gates', replaced: 1, verdict: 'hurt', difference: 0.02, low: 0.01, high: 0.03, rows: 512, judgedAt: noon }],
    live: [{ deployment: 'gates', role: 'canary', share: 0.1, since: noon - day }],
  },
  moves: [move({}), move({ version: 2, replaces: 1, revision: 2, promotedAt: noon - day }), move({ replaces: 2, revision: 3, promotedAt: noon, by: 'guard', kind: 'rollback', reason: 'errors 0.2 > 0.1' })],
});
/** A version of before anything but its scores was kept. */
const bare = (): Facts => {
  const { model, version } = full();
  return {
    model: { ...model, spec: { ...model.spec, limits: undefined, approval: 'none' } }, history: { judgements: [], live: [] }, moves: [],
    version: { ...version, version: 1, state: 'registered', brought: { by: '', reason: '', at: 0, from: '' }, comparedWith: '', approvedBy: '', reason: '', gates: [], report: { challenger: { logLoss: 0.4 } }, signature: {}, card: {}, profile: null, asOf: 0 },
  };
};
/** The same value with the keys of every object in another order. */
const reordered = <T>(value: T): T => (Array.isArray(value) ? value.map(reordered) as T
  : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).reverse().map(([key, item]) => [key, reordered(item as unknown)])) as T : value);

describe('a model card', () => {
  const page = modelCardMarkdown(modelCardOf(full()));

  it.each([
    ['purpose, owner and risk', 'Tell \\*whether\\* it is late.\n\n- Owner: team\n- Risk tier: limited\n- State: rolled back since 2001-05-08T12:00:00Z, by guard: errors 0.2 \\> 0.1'],
    ['each gate with its rule, its values and why it is unmet', `| slices hold | **no** | \`${rule.replaceAll('||', '¦¦')}\` | slices = 2, slices\\[origin = DEN\\].difference.high = 0.0800`],
    ['the scores with their intervals', '| this version | 0.4120 | 0.6800 | 0.1300 | – | – |\n| the champion | 0.4200 | 0.6700 | 0.1310 | -0.0080 | -0.0200 to 0.0040 |'],
    ['the calibration with its table', '| this version | 0.0210 | 0.0100 to 0.0400 | 0.9500 |\n\nThis version, by predicted probability:\n\n| predicted | observed | rows |\n| ---: | ---: | ---: |\n| 0.1000 | 0.1200 | 90 |'],
    ['slices, whatever their values are called', '| origin | A\\|B | 20 | 0.4000 | – | – |'],
    ['early stopping and the leak hunt', 'Stopped early: 31 of 40 rounds were best on the latest rows that fit.\n\nLeaks: see below\n\n| column | kind | evidence | overridden | reason |\n| --- | --- | --- | --- | --- |\n| fog | missing | AUC 0.99 | true | known |'],
    ['what it needs, the most important first', '| origin\\_late | 0.0200 | 0.0020 |\n| hour | 0.0100 | 0.0010 |'],
    ['its data', `- Training set: \`${'t'.repeat(64)}\`, as of 2001-05-06T12:00:00Z\n- Rows: 2000; 1600 fitted it`],
    ['its lineage', '- Cause: id w7, kind drift, reason distance moved\n- Answered from the cache of run `run-1`, which had the same inputs: its training set as of 2001-04-29T12:00:00Z made the file'],
    ['approvals', 'Approved by rita: looked at it'],
    ['where it answers and since when', '| gates | canary | 10.00 % | 2001-05-07T12:00:00Z |'],
    ['promotions', '| 2 | 2001-05-07T12:00:00Z | rita | version 1 | 2001-05-08T12:00:00Z, by version 1 | – |'],
    ['rollbacks', '| 2001-05-08T12:00:00Z | guard | version 2 | version 1 | errors 0.2 \\> 0.1 |'],
    ['whether it helped', '| 2001-05-08T12:00:00Z | gates | version 1 | hurt | 0.0200 | 0.0100 to 0.0300 | 512 |'],
    ['limits, stated and found', '- Not for helicopters.\n- It is not shown to be better than the champion: -0.0080 (-0.0200 to 0.0040) includes no difference.\n- Where origin is DEN (300 rows) it is worse than the champion: 0.0700 (0.0600 to 0.0800).\n- 1 of 2 slices have fewer than 200 rows'],
  ])('shows %s', (_, text) => expect(page).toContain(text));

  it('says of what is not known that it is not, and invents nothing', () => {
    const card = modelCardOf(bare());
    expect(card.missing).toEqual(expect.arrayContaining(['calibration', 'a linear model on the same rows', 'the loss by slice', 'a search for leaks', 'which features it needs', 'how it does on live traffic: it was never promoted']));
    const text = modelCardMarkdown(card);
    expect(text).toContain('## Slices\n\nnot measured');
    expect(text).toContain('## Did it help\n\nnot judged');
    const first = full();
    expect(modelCardMarkdown(modelCardOf({ ...first, version: { ...first.version, report: { ...report, champion: null, leaks: [] } } }))).toMatch(/Leaks: none found[\s\S]*worse than the base rate/);
    expect(text).not.toMatch(/undefined|null|NaN|object Object/);
    expect(page).not.toMatch(/undefined|null|NaN|object Object/);
    expect(modelCardOf(full()).missing).not.toEqual(expect.arrayContaining(['calibration']));
  });

  it('has the same bytes for the same facts, in whatever order they are held', () => {
    const again = reordered(full());
    expect(canonicalJson(modelCardOf(again))).toBe(canonicalJson(modelCardOf(full())));
    expect(modelCardMarkdown(modelCardOf(again))).toBe(page);
  });
});

describe('a data sheet', () => {
  const page = dataSheetMarkdown(dataSheetOf(full()));

  it.each([
    ['the periods', '| fitted the model | 2001-01-15T00:00:00Z | 2001-04-18T00:00:00Z | 1600 |'],
    ['where the rows come from', '- Sources: airline, tower\n- Arrival: observed 75.00 %, declared in a backfill 25.00 %\n- Left out, because they could not be read: 3\n- Corrections among them: 12\n- Withdrawn: 1'],
    ['how often each feature is missing', '| hour | 0.00 % |\n| origin\\_late | 1.25 % |'],
    ['its views', '| all | 1 | since ever | ever |\n| late-14d | 2 | 14d | 30d |'],
    ['its reference values', '| request.distance | request | numeric | 400 | 1.00 % |'],
  ])('shows %s', (_, text) => expect(page).toContain(text));

  it('lists what the registry cannot know', () => {
    const sheet = dataSheetOf(bare());
    expect(sheet.missing).toEqual(expect.arrayContaining(['how many rows the set has', 'the sources of its records', 'how many of its records are corrections', 'how many of its facts were withdrawn', 'the names of its features', 'the distribution of its values', 'consent and licence of the upstream data']));
    expect(dataSheetMarkdown(sheet)).toContain('- Sources: not stated');
    expect(dataSheetMarkdown(sheet)).not.toMatch(/undefined|null|NaN/);
    expect(dataSheetOf(full()).missing).toEqual(['whether the rows are representative of those that the model will meet', 'consent and licence of the upstream data', 'personal data among the fields']);
  });

  it('has the same bytes for the same facts', () => expect(dataSheetMarkdown(dataSheetOf(reordered(full())))).toBe(page));
});
