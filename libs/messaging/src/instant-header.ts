/** µs since the epoch as RFC 3339 with six decimals, as it stands in `ce_time`. */
export function toTimeHeader(instant: number): string {
  const micro = ((instant % 1000) + 1000) % 1000;
  return `${new Date((instant - micro) / 1000).toISOString().slice(0, -1)}${String(micro).padStart(3, '0')}Z`;
}

/** Reads any RFC 3339 instant in UTC, with up to six decimals. Undefined when it is none. */
export function fromTimeHeader(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/.exec(text);
  const seconds = match ? Date.parse(`${match[1]}Z`) : NaN;
  return Number.isNaN(seconds) ? undefined : seconds * 1000 + Number((match![2] ?? '').padEnd(6, '0'));
}
