/** A range of values and where it is marked. */
export interface Axis {
  label: string;
  from: number;
  to: number;
  ticks: { at: number; text: string }[];
}

const round = (value: number): number => Number(value.toPrecision(12));

/** An axis over the values with five or so round ticks, which it begins and ends with. `zero`: zero is on it. */
export function numberAxis(label: string, values: number[], { zero = false } = {}): Axis {
  const all = zero ? [0, ...values] : values;
  const [low, high] = all.length === 0 ? [0, 1] : [Math.min(...all), Math.max(...all)];
  const span = high - low || Math.abs(high) || 1;
  const magnitude = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((times) => times * magnitude).find((one) => span / one <= 5)!;
  const [first, last] = [Math.floor(round(low / step)), Math.max(Math.ceil(round(high / step)), Math.floor(round(low / step)) + 1)];
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => round((first + index) * step)).map((at) => ({ at, text: at.toFixed(decimals) }));
  return { label, from: ticks[0].at, to: ticks.at(-1)!.at, ticks };
}

/** An axis of names, each at its index. */
export const nameAxis = (label: string, names: string[]): Axis => ({
  label, from: -0.5, to: Math.max(names.length - 0.5, 0.5), ticks: names.map((text, at) => ({ at, text })),
});

/** An axis of instants in microseconds, marked at the first day of each month. */
export function monthAxis(label: string, from: number, to: number): Axis {
  const ticks: Axis['ticks'] = [];
  const start = new Date(from / 1000);
  for (let month = 0; ticks.length < 60; month++) {
    const first = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + month, 1);
    if (first * 1000 > to) break;
    if (first * 1000 >= from) ticks.push({ at: first * 1000, text: new Date(first).toISOString().slice(0, 7) });
  }
  return { label, from, to, ticks };
}
