// Math.exp may differ in its last bit between processors and engine versions, and one bit can move a split. This one
// uses only operations whose result IEEE 754 fixes. The method and constants are those of fdlibm's e_exp.c.
const LN2_HIGH = 6.93147180369123816490e-1;
const LN2_LOW = 1.90821492927058770002e-10;
const P1 = 1.66666666666666019037e-1;
const P2 = -2.77777777770155933842e-3;
const P3 = 6.61375632143793436117e-5;
const P4 = -1.65339022054652515390e-6;
const P5 = 4.13813679705723846039e-8;
const LARGEST = 700;
const MIDDLE = 1024;
const POWERS_OF_TWO = new Float64Array(2 * MIDDLE);
POWERS_OF_TWO[MIDDLE] = 1;
for (let k = 1; k < MIDDLE; k += 1) {
  POWERS_OF_TWO[MIDDLE + k] = POWERS_OF_TWO[MIDDLE + k - 1] * 2;
  POWERS_OF_TWO[MIDDLE - k] = POWERS_OF_TWO[MIDDLE - k + 1] / 2;
}

/** e^x for |x| <= 700 (larger arguments count as 700), the same bits on every machine. */
export function exp(x: number): number {
  const bounded = x > LARGEST ? LARGEST : x < -LARGEST ? -LARGEST : x;
  const k = Math.floor(bounded * Math.LOG2E + 0.5);
  const high = bounded - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const t = r * r;
  const c = r - t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * P5))));
  return (1 - (low - (r * c) / (2 - c) - high)) * POWERS_OF_TWO[(MIDDLE + k) | 0];
}

/** The probability whose log-odds are `margin`. */
export function sigmoid(margin: number): number {
  return 1 / (1 + exp(-margin));
}
