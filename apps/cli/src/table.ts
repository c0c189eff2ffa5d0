/** A column of a table. When a row would not fit, those that may be cut give way first, with "…", then other texts but the first. */
export interface Column {
  head: string;
  right?: boolean;
  cut?: boolean;
}

const gap = 2;
const shortest = 8;

/** Rows in aligned columns, ending in a line feed, in at most `width` columns where its names and figures leave room; `--json` has all of it. */
export function table(columns: Column[], rows: string[][], width = Infinity): string {
  const lines = [columns.map(({ head }) => head), ...rows.map((row) => row.map(oneLine))];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => lengthOf(line[at]))));
  let over = widths.reduce((sum, one) => sum + one, gap * (columns.length - 1)) - width;
  // The name in the first column is what people copy, and half a number is another number.
  for (const mayGive of [({ cut }: Column) => cut === true, ({ right, cut }: Column, at: number) => cut === undefined && right !== true && at > 0]) {
    while (over > 0) {
      const at = widest(widths, (index) => mayGive(columns[index], index));
      if (at < 0) break;
      widths[at] -= 1;
      over -= 1;
    }
  }
  return lines.map((line) => `${line.map((cell, at) => pad(cutTo(cell, widths[at]), widths[at], columns[at].right ?? false)).join(' '.repeat(gap)).trimEnd()}\n`).join('');
}

function widest(widths: number[], mayGive: (at: number) => boolean): number {
  return widths.reduce((best, width, at) => (mayGive(at) && width > shortest && (best < 0 || width > widths[best]) ? at : best), -1);
}

/** `name   value` lines; with a `width`, values of several words are broken below where they begin. */
export function pairs(values: [name: string, value: string][], width?: number): string {
  const beside = Math.max(...values.map(([name]) => lengthOf(name))) + gap;
  return values.map(([name, value]) => wrapped(pad(name, beside, false), value, ' '.repeat(beside), width)).join('');
}

/** The text cut to so many characters, the last of which is then "…". */
export function cutTo(text: string, width: number): string {
  if (lengthOf(text) <= width) return text;
  let left = width - 1;
  // Colours stay, also those that stand behind the cut: they end what was begun.
  return text.replace(/(\x1b\[\d+m)|[^]/gu, (one, colour: string | undefined) => (colour ?? (left-- > 0 ? one : left === -1 ? '…' : '')));
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ');
// Colour takes no room.
const lengthOf = (text: string): number => [...text.replace(/\x1b\[\d+m/g, '')].length;
const pad = (text: string, width: number, right: boolean): string => {
  const space = ' '.repeat(Math.max(0, width - lengthOf(text)));
  return right ? `${space}${text}` : `${text}${space}`;
};

/** `prefix` and the text, broken at spaces so that no line is wider; further lines begin with `indent`. No width: one line. */
export function wrapped(prefix: string, text: string, indent: string, width?: number): string {
  if (width === undefined || lengthOf(prefix) + lengthOf(text) <= width) return `${prefix}${text}\n`;
  const lines: string[] = [];
  let line = prefix;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && lengthOf(line) + 1 + lengthOf(word) > width) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return `${[...lines, line].join('\n')}\n`;
}
