import { setTimeout as sleep } from 'node:timers/promises';

export const median = (values: number[]): number => at(values, 0.5);
/** The value below which this share of all lies. */
export const at = (values: number[], share: number): number => [...values].sort((a, b) => a - b)[Math.floor(values.length * share)];

export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Acts every ten milliseconds, so many times. */
export async function tick(times: number, act: () => void): Promise<void> {
  const start = performance.now();
  for (let i = 0; i < times; i++) {
    act();
    await sleep(Math.max(0, start + (i + 1) * 10 - performance.now()));
  }
}

/** Both in turn, so that what else the machine does meets both alike; the first pair only warms up. */
export async function inTurns(bare: () => Promise<number>, ours: () => Promise<number>, rounds = 7): Promise<[bare: number, ours: number][]> {
  await bare();
  await ours();
  const results: [number, number][] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) results.push([await bare(), await ours()]);
    else {
      const mine = await ours();
      results.push([await bare(), mine]);
    }
  }
  return results;
}
