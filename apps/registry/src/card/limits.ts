import type { ModelCard } from './model-card';
import { figure, interval } from './markdown';

/** Rows of a slice below which its figures say little. */
const few = 200;

/** Known limits: what people stated, then what the figures show, in sentences. */
export function limitsOf(card: Omit<ModelCard, 'limits' | 'missing'>, stated: readonly string[]): string[] {
  const { metrics, slices, training } = card;
  const own = metrics.scores.find(({ of }) => of === 'challenger');
  const worse = metrics.differences.filter(({ low }) => low > 0).map((gap) => `It is worse than ${names[gap.against] ?? gap.against}: log loss differs by ${figure(gap.mean)} (${interval(gap)}).`);
  const open = metrics.differences.filter(({ low, high }) => low <= 0 && high >= 0).map((gap) => `It is not shown to be better than ${names[gap.against] ?? gap.against}: ${figure(gap.mean)} (${interval(gap)}) includes no difference.`);
  const parts = slices?.of ?? [];
  const bad = parts.filter(({ difference }) => difference !== undefined && difference.low > 0)
    .map(({ field, value, rows, difference }) => `Where ${field} is ${value} (${rows} rows) it is worse than ${names[slices!.against]}: ${figure(difference!.mean)} (${interval(difference)}).`);
  const small = parts.filter(({ rows }) => rows < few).length;
  return [
    ...stated, ...worse, ...open, ...bad,
    ...(small > 0 ? [`${small} of ${parts.length} slices have fewer than ${few} rows: their figures say little.`] : []),
    ...(own?.calibration ? [`Its probabilities are off by ${figure(own.calibration.error)} on average${own.calibration.low === undefined ? '' : ` (${interval(own.calibration)})`}.`] : []),
    ...(training.fit.to === null ? [] : [`Nothing that happened after ${training.fit.to} has fitted it.`]),
    ...(training.arrivalBasis !== null && training.arrivalBasis.declared > 0 ? [`The arrival of ${figure(100 * training.arrivalBasis.declared)} % of its records was declared, not observed.`] : []),
  ];
}

const names: Record<string, string> = { champion: 'the champion', linear: 'a linear model', baseRate: 'the base rate' };
