import { cutTo, pairs, table, wrapped } from './table';

describe('a table', () => {
  it('stands in aligned columns, numbers to the right', () => {
    expect(table([{ head: 'NAME' }, { head: 'N', right: true }, { head: 'WHY' }], [['a', '1', 'x'], ['long', '200', '']])).toBe('NAME    N  WHY\na       1  x\nlong  200\n');
  });

  it('fits its width by cutting what may be cut, the widest first', () => {
    const text = table([{ head: 'ID' }, { head: 'A', cut: true }, { head: 'B', cut: true }], [['0123456789', 'short', 'w'.repeat(200)]], 80);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(text).toContain('0123456789  short  ');
    expect(text).toContain('w…');
  });

  it('cuts other texts when that is not enough, but no figure and not the name that people copy', () => {
    const text = table([{ head: 'ID' }, { head: 'WHO' }, { head: 'N', right: true }, { head: 'WHY', cut: true }], [['x'.repeat(40), 'y'.repeat(40), '9'.repeat(10), 'z'.repeat(40)]], 80);
    expect(text.split('\n')[1]).toBe(`${'x'.repeat(40)}  ${'y'.repeat(15)}…  ${'9'.repeat(10)}  ${'z'.repeat(7)}…`);
    expect(table([{ head: 'ID' }], [['x'.repeat(100)]], 80)).toContain('x'.repeat(100));
  });

  it('is whole where there is no width: in a pipe', () => {
    expect(table([{ head: 'ID' }, { head: 'WHY', cut: true }], [['1', 'w'.repeat(200)]])).toContain('w'.repeat(200));
  });

  it('keeps a row on one line, and colour takes no room', () => {
    expect(table([{ head: 'A' }, { head: 'B' }], [['\x1b[32myes\x1b[39m', 'two\n  lines'], ['no', 'b']])).toBe('A    B\n\x1b[32myes\x1b[39m  two lines\nno   b\n');
  });
});

describe('text', () => {
  it('is cut with one sign that says so', () => {
    expect(cutTo('abcdef', 4)).toBe('abc…');
    expect(cutTo('abcd', 4)).toBe('abcd');
    expect(cutTo('\x1b[32mabcdef\x1b[39m', 4)).toBe('\x1b[32mabc…\x1b[39m');
  });

  it('stands beside its name', () => {
    expect(pairs([['id', '1'], ['version', '2']])).toBe('id       1\nversion  2\n');
  });

  it('goes on in the next line, further in, where there is a width', () => {
    expect(wrapped('- ', 'one two three', '    ', 11)).toBe('- one two\n    three\n');
    expect(wrapped('- ', 'one two three', '    ')).toBe('- one two three\n');
    expect(wrapped('', 'unbreakable-word x', '  ', 8)).toBe('unbreakable-word\n  x\n');
  });
});
