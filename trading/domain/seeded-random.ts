/** Random numbers that a seed repeats, for the sample generator and the simulated exchange. */

import { createHash } from "node:crypto";

/** Draws numbers in [0, 1) from the seed's text: the same text gives the same numbers on every machine. */
export function seededRandom(seed: string): () => number {
  const hash = createHash("sha256").update(seed).digest();
  let a = hash.readInt32LE(0);
  let b = hash.readInt32LE(4);
  let c = hash.readInt32LE(8);
  let counter = hash.readInt32LE(12);
  // sfc32 (PractRand), seeded with a hash so that neighbouring seeds have nothing in common.
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
}

/** A whole number from `least` to `most`, both included. */
export function between(random: () => number, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}
