/**
 * 100,000 rows of 20 columns, six weeks of reference and one of a window: our binning, whole-day test and decision against NumPy and SciPy
 * doing what is usual (Kolmogorov-Smirnov, chi-square and PSI on deciles), both from raw columns, interleaved, by processor time (both
 * work on one thread; other load on the machine would fall on either). It fails below three times their speed, and when SciPy is not there.
 * Run: npm run bench -- drift (PYTHON names an interpreter that has numpy and scipy; default python3)
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { clumpyNumbers, dice } from '../spec/clumpy-world';
import { bucketsOf, decideDrift, drawsFor, numericBinning, windowTest } from '.';

const shape = { rows: 100_000, columns: 20, days: 49, referenceDays: 42 };
const budget = 0.01;
/** These columns really change, by half a standard deviation. */
const moved = (column: number): boolean => column % 4 === 0;
const rounds = 9;
const target = 3;
const python = process.env.PYTHON ?? 'python3';

const perDay = Math.floor(shape.rows / shape.days);
const rows = perDay * shape.days;
const reference = perDay * shape.referenceDays;

function makeColumns(): Float64Array[] {
  return Array.from({ length: shape.columns }, (_, column) => Float64Array.from(Array.from({ length: shape.days }, (_day, day) =>
    clumpyNumbers(dice(1_000 * column + day), perDay, moved(column) && day >= shape.referenceDays ? { mean: 0.5 } : {})).flat()));
}

/** From raw columns to a decision, as a monitor makes it. */
function ours(columns: readonly Float64Array[], instants: Float64Array): boolean[] {
  const draws = drawsFor(columns.length, budget);
  const tests = columns.map((column, at) => {
    const binning = numericBinning(column.subarray(0, reference));
    const buckets = bucketsOf(instants, column, binning, 1);
    return windowTest({ name: `column ${at}`, seed: 'bench', draws, reference: buckets.filter(({ index }) => index < shape.referenceDays), window: buckets.filter(({ index }) => index >= shape.referenceDays) });
  });
  return decideDrift(tests, { budget }).verdicts.map(({ verdict }) => verdict === 'alarm');
}

/** A Python process that has the columns and answers each line with seconds and verdicts. */
class SciPy {
  private readonly process;
  private readonly lines;
  constructor(plan: object) {
    this.process = spawn(python, [join(__dirname, '../spec/scipy_drift.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    this.process.stdin.write(`${JSON.stringify(plan)}\n`);
  }
  async answer<T>(): Promise<T> {
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error('Python ended before it answered.');
    return JSON.parse(value as string) as T;
  }
  run(): Promise<{ seconds: number; changed: boolean[] }> {
    this.process.stdin.write('run\n');
    return this.answer();
  }
  end(): void {
    this.process.stdin.end();
  }
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const wrong = (changed: boolean[]): string => `${changed.filter((one, at) => one && !moved(at)).length} of ${changed.filter((_, at) => !moved(at)).length} that only vary from day to day, ${changed.filter((one, at) => one && moved(at)).length} of ${changed.filter((_, at) => moved(at)).length} that moved`;

async function main(): Promise<void> {
  const probe = spawnSync(python, ['-c', 'import numpy, scipy'], { encoding: 'utf8' });
  if (probe.status !== 0) {
    console.error(`SciPy is not here, so there is nothing to compare with: ${(probe.error?.message ?? probe.stderr).trim().split('\n').at(-1)}. Expected ${python} to import numpy and scipy. Make a place for them (python3 -m venv v && v/bin/pip install numpy scipy) and say PYTHON=v/bin/python.`);
    process.exitCode = 1;
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'rhei-drift-bench-'));
  try {
    const columns = makeColumns();
    const instants = Float64Array.from({ length: rows }, (_, row) => Math.floor(row / perDay));
    const file = join(folder, 'columns.f64');
    writeFileSync(file, Buffer.concat(columns.map(({ buffer }) => Buffer.from(buffer))));
    const scipy = new SciPy({ file, columns: shape.columns, reference, window: rows - reference });
    console.log(`${rows} rows × ${shape.columns} columns, ${shape.days} days; ours in Node ${process.version} with ${drawsFor(shape.columns, budget)} draws a column; ${(await scipy.answer<{ ready: string }>()).ready}`);
    const [own, theirs, ratios]: number[][] = [[], [], []];
    let verdicts: { ours: boolean[]; scipy: boolean[] } = { ours: [], scipy: [] };
    for (let round = 0; round <= rounds; round += 1) {
      const measureOurs = (): number => {
        const started = process.cpuUsage();
        verdicts = { ...verdicts, ours: ours(columns, instants) };
        const { user, system } = process.cpuUsage(started);
        return (user + system) / 1e6;
      };
      const first = round % 2 === 0 ? measureOurs() : undefined;
      const { seconds, changed } = await scipy.run();
      const second = first ?? measureOurs();
      verdicts.scipy = changed;
      // The first round warms both up.
      if (round === 0) continue;
      own.push(second);
      theirs.push(seconds);
      ratios.push(seconds / second);
    }
    scipy.end();
    const sorted = ratios.toSorted((a, b) => a - b);
    console.log(`ours ${(1_000 * median(own)).toFixed(0)} ms, SciPy ${(1_000 * median(theirs)).toFixed(0)} ms: ${median(ratios).toFixed(2)} times its speed (${sorted[0].toFixed(2)} to ${sorted.at(-1)!.toFixed(2)} in ${rounds} rounds); the target is ${target}`);
    console.log(`called changed: ours ${wrong(verdicts.ours)}; SciPy by rows at 1 % over all columns ${wrong(verdicts.scipy)}`);
    if (median(ratios) < target) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
void main();
