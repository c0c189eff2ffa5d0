import { hash } from 'node:crypto';

/**
 * Random 32-bit numbers that belong to one (seed, purpose, id) and to nothing else: draw 17 is the same whether or not draw 16 was made.
 * The hash seeds xoshiro128** (Blackman and Vigna, 2018), since one hash per number would take most of a test's time.
 */
export function randomOf(seed: number | string, purpose: string, id: number | string): () => number {
  // As text of one character a byte, which costs half of a buffer.
  const state = hash('sha256', JSON.stringify([seed, purpose, id]), 'binary');
  const word = (at: number): number => state.charCodeAt(at) | (state.charCodeAt(at + 1) << 8) | (state.charCodeAt(at + 2) << 16) | (state.charCodeAt(at + 3) << 24);
  let a = word(0), b = word(4), c = word(8), d = word(12);
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
