/** The figures of a rollout from its rows. Rules only. */
import { DAY, type Instant } from '@rhei/expressions';
import { blockBootstrap, FEWEST_DAYS, histogram, logLossOf, psi, quantileEdges } from '@rhei/statistics';
import type { Figures } from './guard';

/** A question that a candidate scored, or could not score. */
export interface ComparedRow {
  asOf: Instant;
  role: string;
  /** The plan under which it was answered. */
  traffic: number;
  /** Null: it could not be scored. */
  candidate: number | null;
  /** The score of the live version; null while it has none. */
  live: number | null;
  /** The matured truth; null: none. */
  label: number | null;
}

/** Rows below which the bins of a comparison of scores would say more about chance than about scores: ten a bin. */
const fewestForPsi = 100;
const bins = 10;

/** The figures of `rows`, which are sorted by (as-of, id); `stageFrom` is the first plan of the present stage. */
export function figuresOf(rows: readonly ComparedRow[], { stage, stageFrom, seed, name }: { stage: string; stageFrom: number; seed: string; name: string }): Figures {
  const pairs = rows.filter((row): row is ComparedRow & { candidate: number; live: number } => row.candidate !== null && row.live !== null);
  const labelled = pairs.filter((row): row is typeof row & { label: number } => row.label !== null);
  const losses = labelled.map(({ candidate, live, label }) => ({ candidate: logLossOf(candidate, label), live: logLossOf(live, label) }));
  const days = new Map<number, number[]>();
  labelled.forEach(({ asOf }, index) => {
    const day = Math.floor(asOf / DAY);
    const differences = days.get(day) ?? [];
    days.set(day, differences);
    differences.push(losses[index].candidate - losses[index].live);
  });
  const mean = (of: 'candidate' | 'live'): number => losses.reduce((sum, loss) => sum + loss[of], 0) / losses.length;
  const psiOfScores = pairs.length < fewestForPsi ? undefined : scoreShift(pairs);
  return {
    stage, rows: pairs.length, errors: rows.filter(({ candidate }) => candidate === null).length,
    answered: rows.filter(({ role, traffic, candidate }) => candidate !== null && role !== 'shadow' && traffic >= stageFrom).length,
    ...(psiOfScores !== undefined && { psi: psiOfScores }), labelled: labelled.length,
    logLoss: losses.length === 0 ? {} : { candidate: mean('candidate'), live: mean('live') },
    difference: losses.length === 0 ? {} : { mean: mean('candidate') - mean('live'), ...(days.size >= FEWEST_DAYS && intervalOf([...days.values()], seed, name)) },
  };
}

function scoreShift(pairs: { candidate: number; live: number }[]): number {
  const live = pairs.map((pair) => pair.live);
  const edges = quantileEdges(live, bins);
  return psi(histogram(live, edges), histogram(pairs.map(({ candidate }) => candidate), edges));
}

function intervalOf(days: number[][], seed: string, name: string): { low: number; high: number } {
  const { low, high } = blockBootstrap(days, { seed, name });
  return { low, high };
}
