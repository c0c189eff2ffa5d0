/**
 * Where in the source a character of a scalar's value stands. `source` is the scalar as it is written, from its first
 * character (a quote, or the `|` and `>` of a block); `offset` counts in the value, from 0.
 */
export function sourceOffset(source: string, type: string, offset: number): number {
  switch (type) {
    case 'QUOTE_SINGLE':
      return flow(source, 1, offset, (at) => (source[at] === "'" ? 2 : 1));
    case 'QUOTE_DOUBLE':
      return flow(source, 1, offset, (at) => (source[at] === '\\' ? lengthOfEscape(source[at + 1]) : 1));
    case 'BLOCK_LITERAL':
    case 'BLOCK_FOLDED':
      return block(source, offset);
    default:
      return flow(source, 0, offset, () => 1);
  }
}

/** A scalar within a line; where it goes on in another line, the break and the indentation are one space of the value. */
function flow(source: string, start: number, offset: number, lengthAt: (at: number) => number): number {
  let at = start;
  for (let value = 0; value < offset && at < source.length; value++) {
    const fold = /^[ \t]*\r?\n\s*/.exec(source.slice(at));
    at += fold === null ? lengthAt(at) : fold[0].length;
  }
  return Math.min(at, source.length);
}

/** A block: every line loses its indentation, and its break counts as one character, folded or not. */
function block(source: string, offset: number): number {
  let at = source.indexOf('\n') + 1;
  const indent = /^(?:[ \t]*\r?\n)*( *)/.exec(source.slice(at))![1].length;
  for (let left = offset; at < source.length;) {
    const end = source.indexOf('\n', at);
    const length = Math.max(0, (end < 0 ? source.length : end) - at - indent);
    if (left <= length || end < 0) return Math.min(at + indent + left, source.length);
    left -= length + 1;
    at = end + 1;
  }
  return source.length;
}

const lengthOfEscape = (letter: string): number => ({ x: 4, u: 6, U: 10 })[letter] ?? 2;
