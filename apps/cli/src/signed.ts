/** A difference with its sign, which is the one that a spreadsheet and a grep know. */
export const signed = (value: number, digits = 4): string => `${value < 0 ? '' : '+'}${value.toFixed(digits)}`;

/** The bounds of an interval of differences. */
export const signedRange = (low: number, high: number, digits?: number): string => `${signed(low, digits)} to ${signed(high, digits)}`;
