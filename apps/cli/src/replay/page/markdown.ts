/** A table of Markdown; columns whose head ends in ":" are right-aligned. Text cannot break out of its cell. */
export function markdownTable(heads: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]): string => `| ${cells.map((cell) => inCell(String(cell))).join(' | ')} |`;
  return [line(heads.map((head) => head.replace(/:$/, ''))), `|${heads.map((head) => (head.endsWith(':') ? '---:' : '---')).join('|')}|`, ...rows.map(line)].join('\n');
}

/** Text as it stands: no markup of Markdown or HTML has an effect. */
export const plain = (text: string): string => text.replace(/[\\`*_[\]<>#]/g, (sign) => ({ '<': '&lt;', '>': '&gt;' })[sign] ?? `\\${sign}`).replace(/\s+/g, ' ');

const inCell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');
