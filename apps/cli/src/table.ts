/** A column of a table. One that may be cut gives way, with "…", when a row would not fit. */
export interface Column {
  head: string;
  right?: boolean;
  cut?: boolean;
}

const gap = 2;
const shortest = 8;

/** Rows in aligned columns, ending in a line feed. Only what may be cut is cut; `--json` has all of it. */
export function table(columns: Column[], rows: string[][], width = 80): string {
  const lines = [columns.map(({ head }) => head), ...rows.map((row) => row.map(oneLine))];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => lengthOf(line[at]))));
  let over = widths.reduce((sum, one) => sum + one, gap * (columns.length - 1)) - width;
  while (over > 0) {
    const at = widestThatMayBeCut(columns, widths);
    if (at < 0) break;
    widths[at] -= 1;
    over -= 1;
  }
  return lines.map((line) => `${line.map((cell, at) => pad(cutTo(cell, widths[at]), widths[at], columns[at].right ?? false)).join(' '.repeat(gap)).trimEnd()}\n`).join('');
}

function widestThatMayBeCut(columns: Column[], widths: number[]): number {
  return columns.reduce((best, { cut }, at) => (cut === true && widths[at] > shortest && (best < 0 || widths[at] > widths[best]) ? at : best), -1);
}

/** `name   value` lines. */
export function pairs(values: [name: string, value: string][]): string {
  const width = Math.max(...values.map(([name]) => lengthOf(name)));
  return values.map(([name, value]) => `${pad(name, width, false)}  ${value}\n`).join('');
}

/** The text cut to so many characters, the last of which is then "…". */
export const cutTo = (text: string, width: number): string => (lengthOf(text) <= width ? text : `${[...text].slice(0, width - 1).join('')}…`);

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
