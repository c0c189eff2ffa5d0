import { parseJson } from './http-body';

const parse = (text: string) => parseJson(Buffer.from(text));

describe('a JSON body', () => {
  it('may nest 64 levels, not 65', () => {
    expect(parse('['.repeat(64) + ']'.repeat(64))).toBeDefined();
    expect(() => parse('['.repeat(65) + ']'.repeat(65))).toThrow(/65 levels deep: expected 64/);
  });
  it('is not fooled by brackets in strings and escaped quotes', () => {
    expect(parse(JSON.stringify({ a: `${'['.repeat(200)}"\\`, b: '{{{' }))).toEqual({ a: `${'['.repeat(200)}"\\`, b: '{{{' });
  });
  it('survives a million brackets', () => {
    expect(() => parse('['.repeat(1_000_000))).toThrow(/levels deep/);
  });
  it('must be UTF-8 and JSON', () => {
    expect(() => parseJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow(/no UTF-8/);
    expect(() => parse('{"a":}')).toThrow(/no JSON/);
  });
});
