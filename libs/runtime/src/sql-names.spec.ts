import { StatementNames } from './sql-names';

describe('names of prepared statements', () => {
  it('are one for one text, and none for what cannot be prepared', () => {
    const names = new StatementNames();
    const name = names.nameOf('SELECT 1');
    expect(names.nameOf('SELECT 1')).toBe(name);
    expect(names.nameOf('SELECT 2')).not.toBe(name);
    expect(names.nameOf('SELECT 1; SELECT 2')).toBeUndefined();
    expect(names.nameOf('CREATE TABLE x ()')).toBeUndefined();
  });

  it('are others after many uses, seldom and ever more seldom: a plan of a small table is not for a large one', () => {
    const names = new StatementNames();
    const seen = new Map<string, number>();
    for (let use = 1; use <= 100_000; use += 1) {
      const name = names.nameOf('SELECT 1')!;
      if (!seen.has(name)) seen.set(name, use);
    }
    expect([...seen.values()]).toEqual([1, 2_000, 8_000, 32_000]);
  });

  it('run out: text that is composed at run time goes without', () => {
    const names = new StatementNames();
    for (let index = 0; index < 1_000; index += 1) expect(names.nameOf(`SELECT ${index}`)).toBeDefined();
    expect(names.nameOf('SELECT 1000')).toBeUndefined();
    expect(names.nameOf('SELECT 7')).toBeDefined();
  });
});
