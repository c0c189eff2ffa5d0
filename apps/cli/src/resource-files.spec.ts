import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileProblems, readResourceFiles } from './resource-files';

let folder: string;
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'rhei-files-')); });
afterEach(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const source = (name: string): string => `apiVersion: rhei/v1\nkind: Source\nmetadata: {name: ${name}}\nspec: {owner: ann}\n`;
const problemsOf = (paths: string[]): string[] => {
  try {
    readResourceFiles(paths);
  } catch (error) {
    return (error as FileProblems).problems.map(({ at, message }) => `${at.replace(`${folder}/`, '')} ${message}`);
  }
  return [];
};

describe('resource files', () => {
  it('hold several documents, and a folder gives its YAML files in order', () => {
    file('b.yaml', source('b'));
    file('a.yml', `${source('a')}---\n${source('c')}---\n`);
    file('story.yaml', 'apiVersion: rhei/v1\nkind: Story\nmetadata: {name: s}\nspec: {}\n');
    file('notes.txt', 'nothing');
    expect(readResourceFiles([folder]).map(({ name }) => name)).toEqual(['a', 'c', 'b']);
  });

  it('are read once when they are named twice', () => {
    const path = file('a.yaml', source('a'));
    expect(readResourceFiles([path, path])).toHaveLength(1);
  });

  it('are the same for a service however they are written', () => {
    const [one] = readResourceFiles([file('a.yaml', 'apiVersion: rhei/v1\nkind: Source\nmetadata: {name: a}\nspec:\n  z: 1\n  a: [x]\n')]);
    expect(one.specJson).toBe('{"a":["x"],"z":1}');
  });

  it('tell all their faults at once, each with file, line and column', () => {
    file('a.yaml', 'apiVersion: rhei/v2\nkind: Source\nmetadata: {name: Bad Name, label: x}\nspec: 3\nextra: 1\n');
    file('b.yaml', 'apiVersion: rhei/v1\nkind: [\n');
    file('c.yaml', '- 1\n- 2\n');
    expect(problemsOf([folder, join(folder, 'none.yaml')])).toEqual([
      'none.yaml there is no such file or folder',
      'a.yaml:1:13 this version is not known',
      'a.yaml:3:18 a resource has a name',
      'a.yaml:4:7 a resource has a spec',
      'a.yaml:3:35 metadata has no field "label"',
      'a.yaml:5:8 a resource has no field "extra"',
      expect.stringMatching(/^b\.yaml:3:1 this is no YAML: /),
      'c.yaml:1:1 a resource is a map',
    ]);
  });

  it('may name a resource once only', () => {
    file('a.yaml', source('x'));
    file('b.yaml', source('x'));
    expect(problemsOf([folder])).toEqual([`b.yaml:3:18 Source "x" is there twice; first at ${folder}/a.yaml:3:18`]);
  });

  it('say where a value stands that JSON cannot hold', () => {
    file('a.yaml', 'apiVersion: rhei/v1\nkind: Source\nmetadata: {name: a}\nspec:\n  list: [1, .inf]\n');
    expect(problemsOf([folder])).toEqual(['a.yaml:5:13 cannot be written as canonical JSON: it is Infinity.']);
  });

  it('find the nearest parent of what is missing', () => {
    const [one] = readResourceFiles([file('a.yaml', 'apiVersion: rhei/v1\nkind: Source\nmetadata: {name: a}\nspec:\n  window: {avg: 1d}\n')]);
    expect(one.locate('/spec/window/sum')).toBe(`${folder}/a.yaml:5:11`);
    expect(one.locate('/spec/window/avg')).toBe(`${folder}/a.yaml:5:17`);
  });
});

describe('a place inside an expression', () => {
  const at = (value: string, expression: string, part: string): string => {
    const [one] = readResourceFiles([file('a.yaml', `apiVersion: rhei/v1\nkind: Source\nmetadata: {name: a}\nspec:\n  rule: ${value}\n`)]);
    expect(one.spec.rule).toBe(expression);
    return one.locate('/spec/rule', expression.indexOf(part)).split(':').slice(1).join(':');
  };

  it('is found in plain and quoted text', () => {
    expect(at('data.delay > 15', 'data.delay > 15', '15')).toBe('5:22');
    expect(at("'data.delay > 15'", 'data.delay > 15', '15')).toBe('5:23');
  });

  it('is found behind quotes that are written twice or escaped', () => {
    expect(at("'a == ''b'' && c'", "a == 'b' && c", 'c')).toBe('5:24');
    expect(at('"a == \\"b\\" && c"', 'a == "b" && c', 'c')).toBe('5:24');
  });

  it('is found in a block of several lines, folded or not', () => {
    expect(at('|-\n    a > 1 &&\n    b > 2', 'a > 1 &&\nb > 2', 'b')).toBe('7:5');
    expect(at('>-\n    a > 1 &&\n    b > 2', 'a > 1 && b > 2', '2')).toBe('7:9');
    expect(at('a > 1 &&\n    b > 2', 'a > 1 && b > 2', 'b')).toBe('6:5');
  });
});
