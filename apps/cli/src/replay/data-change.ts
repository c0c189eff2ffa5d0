import type { FieldType } from '@rhei/expressions';
import type { DataChange } from './story';
import { compiled } from './story-expression';
import type { Row } from './table';

export interface ChangeValues {
  /** The table's row; empty where there is none, as for an event that is mended. */
  row: Row;
  data: Record<string, unknown>;
  index: number;
  /** In [0, 1), of this event and field. */
  draw: (field: string) => number;
}

/** Compiles a change of an event's data. `data` in its expressions is what it was before. Errors: `invalid`, naming `where`. */
export function dataChange({ rename, unset, set }: DataChange, where: string, columns: Record<string, FieldType>): (values: ChangeValues) => Record<string, unknown> {
  const fields = Object.entries(set).map(([field, source]) => [field, compiled(source, `${where}, set ${field}`, { row: columns, data: 'dyn', index: 'int', draw: 'double' }, 'dyn')] as const);
  return ({ row, data, index, draw }) => {
    const renamed = Object.entries(data).map(([field, value]) => [rename[field] ?? field, value] as const).filter(([field]) => !unset.includes(field));
    const computed = fields.map(([field, expression]) => [field, expression.evaluate({ row, data, index, draw: draw(field) })] as const);
    return Object.fromEntries([...renamed, ...computed]);
  };
}
