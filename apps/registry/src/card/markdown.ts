/** Text as it may stand in a line or a cell of Markdown: nothing in it is read as markup. */
export const plain = (text: string): string => text.replace(/\s+/g, ' ').trim().replace(/[\\`*_[\]<>|#~]/g, '\\$&');

/** Text as code; what would end it is left out. */
export const code = (text: string): string => (text === '' ? '' : `\`${text.replace(/\s+/g, ' ').replaceAll('`', "'").replaceAll('|', '¦')}\``);

export interface Head { name: string; right?: boolean }

/** A table of cells that are Markdown already. Empty without rows. */
export function table(heads: readonly Head[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(heads.map(({ name }) => name)), line(heads.map(({ right }) => (right ? '---:' : '---'))), ...rows.map(line)].join('\n');
}

export const list = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n');

/** A heading with what stands below it; `none` stands there when there is nothing. */
export const section = (title: string, none: string, ...parts: readonly string[]): string => {
  const there = parts.filter((part) => part !== '');
  return [`## ${title}`, ...(there.length > 0 ? there : [none])].join('\n\n');
};

/** A figure as it is read: whole numbers as they are, others to four places. */
export const figure = (value: number | undefined): string => (value === undefined ? '–' : Number.isInteger(value) ? String(value) : value.toFixed(4));
export const percent = (share: number | undefined): string => (share === undefined ? '–' : `${(100 * share).toFixed(2)} %`);
export const interval = (value: { low?: number; high?: number } | undefined): string =>
  value?.low === undefined || value.high === undefined ? '–' : `${figure(value.low)} to ${figure(value.high)}`;
