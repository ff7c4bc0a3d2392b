/** Random bytes as hex, drawn from the system for some hundred ids at once: asking for each id's own would cost more than all else about it. */

import { randomFillSync } from "node:crypto";

const pool: Buffer = Buffer.alloc(4_096);
let used = pool.length;

/** `count`: bytes, so half as many as characters. Up to 4,096. */
export function randomHex(count: number): string {
  if (used + count > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += count;
  return pool.toString("hex", used - count, used);
}
