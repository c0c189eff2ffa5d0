import { createHash } from 'node:crypto';

/**
 * Random 32-bit numbers that belong to one (seed, purpose, id) and to nothing else: draw 17 is the same whether or not draw 16 was made.
 * The hash seeds xoshiro128** (Blackman and Vigna, 2018), since one hash per number would take most of a test's time.
 */
export function randomOf(seed: number | string, purpose: string, id: number | string): () => number {
  const state = createHash('sha256').update(JSON.stringify([seed, purpose, id])).digest();
  let a = state.readUInt32LE(0), b = state.readUInt32LE(4), c = state.readUInt32LE(8), d = state.readUInt32LE(12);
  return () => {
    const scaled = Math.imul(b, 5);
    const result = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
}

/** A whole number from 0 to `below` - 1. */
export const pick = (random: () => number, below: number): number => Math.floor((random() / 2 ** 32) * below);
