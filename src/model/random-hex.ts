/** Random bytes and their hex, drawn from the system for some hundred ids at once: a draw for each id would cost more than the rest of the id. */

import { randomFillSync } from "node:crypto";

/** The bytes of the last draw. */
export const randomPool: Buffer = Buffer.alloc(4_096);
let used = randomPool.length;
/** The whole pool as hex. */
let poolText = "";

/** Characters, 12: V8 copies a piece of text of up to this length; a longer one would keep the whole text alive. */
const maxCopied = 12;

/** Draws `count` bytes, up to 4,096, and gives their offset in the pool. They are the caller's until the next draw. */
export function drawBytes(count: number): number {
  if (used + count > randomPool.length) {
    randomFillSync(randomPool);
    poolText = randomPool.toString("hex");
    used = 0;
  }
  used += count;
  return used - count;
}

/** Draws `count` bytes, up to 4,096, as hex of twice as many characters. */
export function randomHex(count: number): string {
  const at = drawBytes(count);
  if (2 * count <= maxCopied) return poolText.slice(2 * at, 2 * (at + count));
  return randomPool.toString("hex", at, at + count);
}
