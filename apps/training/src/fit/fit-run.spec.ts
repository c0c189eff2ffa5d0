import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, parseInstant, sha256 } from '@rhei/expressions';
import { readModel, writeTreeModel } from '@rhei/onnx';
import { isAlive } from '@rhei/runtime';
import { eventually } from '@rhei/testing';
import { inWords } from '../complete-run';
import { planSpec } from '../plan-spec';
import { runProcess, type Ending } from './run-process';
import type { FitResult, FitTask, Phase } from './task';
import { makeTrainingSet, type MakeSet } from './training-set.fixture';

const from = parseInstant('2001-01-01T00:00:00Z');
const spec = planSpec.parse({ model: 'late', featureSet: 'lateness', split: { holdout: '14d' }, seed: 7, when: 'true', engine: { trees: 20, maxLeaves: 6, minRowsPerLeaf: 20, rowShare: 0.7 } });
const limits = { memoryMb: 256, seconds: 60 };

jest.setTimeout(30_000);

describe('the process of a run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rhei-fit-'));
  let task: FitTask;
  const aTask = async (made: Partial<MakeSet>, over: Partial<FitTask> = {}): Promise<FitTask> => {
    const { file } = await makeTrainingSet({ from, days: 58, perDay: 12, ...made });
    const parquet = join(folder, `${sha256(file)}.parquet`);
    writeFileSync(parquet, file);
    return { parquet, reads: { features: ['hour', 'fog'], request: ['distance'], maturity: 2 * DAY }, spec, asOf: from + 60 * DAY, filledFrom: from + DAY, trainingSetDigest: 'ab'.repeat(32), ...over };
  };
  const never = new AbortController().signal;
  const fit = (given: FitTask, progress: (done: number) => void = () => undefined): Promise<Ending> => runProcess(given, limits, { progress }, never);
  const fitted = async (given: FitTask): Promise<FitResult> => {
    const ending = await fit(given);
    if (ending.type !== 'done') throw new Error(JSON.stringify(ending));
    return ending.result;
  };
  const asFile = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  let first: FitResult;

  beforeAll(async () => {
    task = await aTask({});
    first = await fitted(task);
  }, 30_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('gives the same bytes for the same data, parameters, seed and code, and others for another seed', async () => {
    const again = await fitted(task);
    expect(sha256(again.artifact)).toBe(sha256(first.artifact));
    expect(again).toEqual(first);
    const other = await fitted({ ...task, spec: { ...spec, seed: 8 } });
    expect(sha256(other.artifact)).not.toBe(sha256(first.artifact));
    expect(other.codeDigest).toBe(first.codeDigest);
  });

  it('gives the same bytes with early stopping, fewer trees than the bound, and another digest of its inputs for another row', async () => {
    const early = { ...task, hashRows: true, spec: { ...spec, engine: { ...spec.engine, trees: 200, earlyStopping: { fold: '10d', rounds: 10 } } } };
    const [one, again] = [await fitted(early), await fitted(early)];
    expect(again).toEqual(one);
    expect(one.report.stopped).toEqual({ round: expect.any(Number), of: 200 });
    expect(one.report.stopped!.round).toBeLessThan(150);
    expect(one.parameters).toMatchObject({ trees: 200, earlyStopping: { fold: '10d', rounds: 10 } });
    const changed = await fitted({ ...early, parquet: (await aTask({ odd: 'moved' })).parquet });
    expect(changed.rowsDigest).not.toBe(one.rowsDigest);
    const told = await fitted({ ...early, trainingSetDigest: 'cd'.repeat(32) });
    expect(told.inputsDigest).not.toBe(one.inputsDigest);
    expect(sha256(told.artifact)).not.toBe(sha256(one.artifact));
    expect(told.report).toEqual(one.report);
  }, 30_000);

  it('asks whether an earlier run rests on the same before it fits, and fits nothing when one does', async () => {
    const asked: string[] = [];
    const ending = await runProcess(task, limits, { progress: () => undefined, known: async (digest) => (asked.push(digest), 'r1') }, never);
    expect(ending).toEqual({ type: 'known', run: 'r1', inputsDigest: first.inputsDigest });
    expect(asked).toEqual([first.inputsDigest]);
    expect(await runProcess(task, limits, { progress: () => undefined, known: () => Promise.reject(new Error('away')) }, never)).toEqual({ type: 'stopped' });
  });

  it('has not improved where a straight line does as well, and says which it did not beat', async () => {
    const { report } = await fitted(await aTask({ evening: false }));
    expect(report.challenger.logLoss).toBeLessThan(report.baseRate.logLoss);
    expect(report.challenger.logLoss).toBeGreaterThan(report.linear.logLoss);
    expect(report).toMatchObject({ improved: false, unbeaten: ['linear baseline'] });
    expect(inWords(report)).toMatch(/linear 0\.\d{4}\); it did not beat the linear baseline$/);
  });

  it('ends for a leak before it fits, and names what it does not have', async () => {
    expect(await fit(await aTask({ odd: 'gap' }))).toEqual({ type: 'refused', reason: expect.stringMatching(/^The training set leaks\. fog \(missing\): /) });
    expect(await fit({ ...task, spec: { ...spec, slices: ['request.town'] } })).toEqual({ type: 'refused', reason: expect.stringContaining('lacks the columns r_town') });
  });

  it('tells what it did for how long, one part after the other', async () => {
    const phases: Phase[] = [];
    await runProcess(task, limits, { progress: () => undefined, phase: (phase) => void phases.push(phase) }, never);
    expect(phases.map(({ name }) => name)).toEqual(['load rows', 'hunt leaks', 'fit', 'fit linear', 'export', 'check']);
    phases.forEach(({ from: begin, to }, index) => expect(to >= begin && begin >= (phases[index - 1]?.to ?? 0)).toBe(true));
  });

  it('writes a model that says what it reads and what it learnt from, and nothing of the run', () => {
    expect(readModel(first.artifact)).toMatchObject({
      inputs: [{ name: 'features', dtype: 'float32', shape: [-1, 2] }], outputs: [{ name: 'probability', dtype: 'float32', shape: [-1, 1] }],
      features: ['hour', 'fog'], metadata: { trainingSet: 'ab'.repeat(32) },
    });
    expect(first.signature).toEqual({
      inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, 2] }], features: ['hour', 'fog'], outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
    });
  });

  it('scores the model and the base rate on later rows than those that fitted it', () => {
    const { report, fitUntil } = first;
    expect(report.fit.rows + report.holdout.rows).toBe(58 * 12);
    expect(parseInstant(report.fit.to)).toBe(fitUntil);
    expect(parseInstant(report.holdout.from)).toBeGreaterThan(fitUntil);
    expect(report.baseRate.auc).toBe(0.5);
    expect(report.challenger.logLoss).toBeLessThan(report.baseRate.logLoss - 0.05);
    expect(report.challenger.auc).toBeGreaterThan(0.7);
    expect(report.improved).toBe(true);
    expect(report.champion).toBeUndefined();
  });

  it('keeps what it measured on the card, with what is missing', () => {
    expect(first.card).toMatchObject({
      model: 'late', engine: { parameters: { trees: 20, seed: 7, learningRate: 0.1 }, code: first.codeDigest }, data: { rows: 58 * 12, trainingSet: 'ab'.repeat(32) },
      metrics: { challenger: first.report.challenger }, importance: { values: [{ feature: 'hour' }, { feature: 'fog' }] }, missing: expect.any(Array),
    });
    const [hour, fog] = (first.card as { importance: { values: { mean: number }[] } }).importance.values;
    expect(fog.mean).toBeGreaterThan(hour.mean);
  });

  it('compares with the champion on the same rows, and says whether it beat it', async () => {
    const champion = { digest: sha256(first.artifact), path: asFile('champion.onnx', first.artifact), fitUntil: first.fitUntil };
    const again = await fitted({ ...task, champion });
    expect(again.report.champion).toEqual({ digest: champion.digest, ...first.report.challenger });
    expect(again.report.improved).toBe(false);
    const changed = await aTask({ foggy: 0.2, days: 80, seed: 2 }, { asOf: from + 82 * DAY, champion });
    const { report } = await fitted(changed);
    expect(report.challenger.logLoss).toBeLessThan((report.champion as { logLoss: number }).logLoss);
    expect(report.improved).toBe(true);
  });

  it('says why a champion could not be scored, and goes on without', async () => {
    const other = writeTreeModel({ ensemble: { features: ['snow'], base: 0, roots: [0], feature: [-1], threshold: [0], missingLeft: [0], left: [-1], right: [-1], value: [0] } });
    const { report } = await fitted({ ...task, champion: { digest: sha256(other), path: asFile('other.onnx', other), fitUntil: from } });
    expect(report.champion).toEqual({ digest: sha256(other), unable: 'it reads snow, which the training set does not have' });
    expect(report.improved).toBe(true);
  });

  it('refuses with the reason what no repetition would mend', async () => {
    expect(await fit({ ...task, reads: { ...task.reads, features: ['hour', 'snow'] } })).toEqual({ type: 'refused', reason: expect.stringContaining('lacks the columns f_snow') });
    expect(await fit({ ...task, asOf: from + 90 * DAY })).toEqual({ type: 'refused', reason: expect.stringMatching(/0 examples to score/) });
  });

  it('reports progress while it fits', async () => {
    const seen: number[] = [];
    await fit({ ...task, spec: { ...spec, engine: { ...spec.engine, trees: 200 } } }, (done) => seen.push(done));
    expect(seen.filter((done) => done > 0.1 && done < 0.8).length).toBeGreaterThan(100);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('ends with the process that started it, in the middle of a fit', async () => {
    const long = { ...task, spec: { ...spec, engine: { ...spec.engine, trees: 10_000 } } };
    const script = `require(${JSON.stringify(join(__dirname, '../../dist/fit/run-process.js'))}).runProcess(${JSON.stringify(long)}, ${JSON.stringify(limits)}, { progress: () => console.log('fits') }, new AbortController().signal)`;
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(parent.stdout, 'data');
    const child = Number(execFileSync('pgrep', ['-P', String(parent.pid)]).toString());
    expect(isAlive(child)).toBe(true);
    parent.kill('SIGKILL');
    await eventually('the process of the run is gone', () => !isAlive(child));
  });

  it('ends at a word, and says that it was killed when it was', async () => {
    const stop = new AbortController();
    const long = { ...task, spec: { ...spec, engine: { ...spec.engine, trees: 10_000 } } };
    expect(await runProcess(long, limits, { progress: () => stop.abort() }, stop.signal)).toEqual({ type: 'stopped' });
    expect(await runProcess({ ...task, parquet: join(folder, 'nowhere') }, limits, { progress: () => undefined }, never)).toMatchObject({ type: 'died', reason: expect.stringMatching(/ended with code 1.*nowhere/s) });
    expect(await runProcess(long, { ...limits, seconds: 0.5 }, { progress: () => undefined }, never)).toMatchObject({ type: 'refused', reason: expect.stringContaining('longer than its 0.5 s') });
  });
});
