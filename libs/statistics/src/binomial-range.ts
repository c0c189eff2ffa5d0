/**
 * Between how many of `trials` independent events of probability `p` lie, but for 2.5 % of the cases on either side:
 * quantiles of the binomial distribution, summed from its own terms.
 */
export function binomialRange(trials: number, p: number): [low: number, high: number] {
  const logTerm = (k: number): number => {
    let log = k * Math.log(p) + (trials - k) * Math.log1p(-p);
    for (let i = 1; i <= k; i++) log += Math.log((trials - k + i) / i);
    return log;
  };
  if (p <= 0) return [0, 0];
  if (p >= 1) return [trials, trials];
  let below = 0;
  let low: number | undefined;
  for (let k = 0; k <= trials; k++) {
    below += Math.exp(logTerm(k));
    if (low === undefined && below > 0.025) low = k;
    if (below >= 0.975) return [low ?? k, k];
  }
  return [low ?? trials, trials];
}
