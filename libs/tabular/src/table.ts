import { refuse } from './errors';

/**
 * Numbers by column: `columns[j][i]` is row i of the column called `names[j]`; NaN is a missing value.
 * The engine sees each number as the nearest float32, because that is what a served model is given.
 */
export interface Table {
  readonly rows: number;
  readonly names: readonly string[];
  readonly columns: readonly Float64Array[];
}

/** One entry per row: 1 for the class whose probability is predicted, 0 for the other. */
export type Labels = Uint8Array;

/** Builds a table; throws a {@link TabularError} that names every column that does not fit. */
export function tableOf(names: readonly string[], columns: readonly Float64Array[]): Table {
  const table = { rows: columns[0]?.length ?? 0, names, columns };
  refuse(faultsOf(table));
  return table;
}

/** The rows of `table` at `indexes`, in that order (an index may come more than once). */
export function rowsOf(table: Table, indexes: ArrayLike<number>): Table {
  const columns = table.columns.map((column) => Float64Array.from(indexes, (index) => column[index]));
  return { rows: indexes.length, names: table.names, columns };
}

/** The labels at `indexes`, in that order. */
export function labelsOf(labels: Labels, indexes: ArrayLike<number>): Labels {
  return Uint8Array.from(indexes, (index) => labels[index]);
}

/** What keeps `table` from being one, a sentence each; empty when it is sound. */
export function faultsOf(table: Table): string[] {
  const faults: string[] = [];
  if (table.names.length !== table.columns.length)
    faults.push(`The table has ${table.names.length} names for ${table.columns.length} columns; give each column one name.`);
  table.columns.forEach((column, at) => {
    if (column.length !== table.rows)
      faults.push(`Column "${table.names[at]}" has ${column.length} values; the table has ${table.rows} rows.`);
  });
  const repeated = table.names.filter((name, at) => table.names.indexOf(name) !== at);
  for (const name of new Set(repeated)) faults.push(`Column "${name}" comes more than once; names must differ.`);
  return faults;
}

/** What keeps `labels` from being the labels of `rows` rows. */
export function labelFaults(labels: Labels, rows: number): string[] {
  if (labels.length !== rows) return [`There are ${labels.length} labels for ${rows} rows; give one label per row.`];
  const odd = labels.findIndex((label) => label > 1);
  return odd < 0 ? [] : [`The label of row ${odd} is ${labels[odd]}; labels are 0 or 1.`];
}
