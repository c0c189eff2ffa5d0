import fc from 'fast-check';
import { canonicalJson, digestOf, hashUnit, sha256 } from './canonical';

describe('canonical JSON', () => {
  it('writes the example of RFC 8785 §3.2.3 as the RFC does', () => {
    const value = { numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001], string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"\u002f', literals: [null, true, false] };
    expect(canonicalJson(value)).toBe(String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`);
  });

  it('sorts keys by UTF-16 code units, so an emoji stands before U+FB33', () => {
    expect(canonicalJson({ '\ufb33': 1, '\u{1f600}': 2, a: 3, '\r': 4, '1': 5, '10': 6, '2': 7 })).toBe('{"\\r":4,"1":5,"10":6,"2":7,"a":3,"\u{1f600}":2,"\ufb33":1}');
  });

  it('leaves out what is undefined and writes minus zero as zero', () => {
    expect(canonicalJson({ b: undefined, a: -0 })).toBe('{"a":0}');
  });

  it.each([
    [Number.NaN, '$'], [{ a: [1, Infinity] }, '$.a[1]'], [[undefined], '$[0]'], [{ a: 1n }, '$.a'], [{ a: { b: new Map() } }, '$.a.b'], ['\ud800', '$'], [{ '\udc00': 1 }, '$'],
  ])('refuses %p and names the path %s', (value, path) => expect(() => canonicalJson(value)).toThrow(`${path} cannot be written`));

  it('refuses a cycle instead of running out of stack', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect(() => canonicalJson(cycle)).toThrow('a cycle');
  });

  it('does not depend on the order of keys, and parses back to the same value', () => {
    fc.assert(fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { noNullPrototype: true }), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value));
    }), { seed: 1 });
  });
});

describe('a digest', () => {
  it('is SHA-256 in hexadecimal', () => {
    expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(sha256(new Uint8Array([97, 98, 99]))).toBe(sha256('abc'));
    expect(digestOf({ b: 1, a: 2 })).toBe(sha256('{"a":2,"b":1}'));
  });
});

describe('a repeatable random choice', () => {
  it('is the same for the same seed, purpose and id, and another for another', () => {
    expect(hashUnit(7, 'sample', 'a')).toBe(hashUnit(7, 'sample', 'a'));
    expect(new Set([hashUnit(7, 'sample', 'a'), hashUnit(8, 'sample', 'a'), hashUnit(7, 'fault', 'a'), hashUnit(7, 'sample', 'b'), hashUnit(7, 'sampl', 'ea'), hashUnit('7', 'sample', 'a')]).size).toBe(6);
  });

  it('is spread evenly over [0, 1)', () => {
    const counts = new Array<number>(10).fill(0);
    for (let id = 0; id < 10_000; id++) counts[Math.floor(hashUnit(1, 'even', id) * 10)]++;
    // Chi-square with 9 degrees of freedom: 27.9 is exceeded once in a thousand.
    expect(counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(27.9);
  });
});
