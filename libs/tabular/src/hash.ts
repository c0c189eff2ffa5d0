/**
 * A 32-bit hash of 32-bit integers (MurmurHash3, x86_32, over the integers as blocks). Random choices are made by
 * hashing what they are about, so that none of them depends on how many were made before it.
 */
export function hash32(...words: readonly number[]): number {
  let h = 0x2f0b4c47;
  for (const word of words) {
    let k = Math.imul(word, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  h ^= words.length * 4;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
