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

  it('never cuts an id, though it be too wide', () => {
    expect(table([{ head: 'ID' }], [['x'.repeat(100)]], 80)).toContain('x'.repeat(100));
  });

  it('keeps a row on one line, and colour takes no room', () => {
    expect(table([{ head: 'A' }, { head: 'B' }], [['\x1b[32myes\x1b[39m', 'two\n  lines'], ['no', 'b']])).toBe('A    B\n\x1b[32myes\x1b[39m  two lines\nno   b\n');
  });
});

describe('text', () => {
  it('is cut with one sign that says so', () => {
    expect(cutTo('abcdef', 4)).toBe('abc…');
    expect(cutTo('abcd', 4)).toBe('abcd');
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
