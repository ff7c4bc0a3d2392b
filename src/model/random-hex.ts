/** Random bytes and their hex, drawn from the system for some hundred ids at once: asking for each id's own would cost more than all else about it. */

import { randomFillSync } from "node:crypto";

/** What is drawn next lies here. */
export const randomPool: Buffer = Buffer.alloc(4_096);
let used = randomPool.length;
/** All of it as hex. */
let poolText = "";

/** Characters: as short a piece of a text is a copy for V8; a longer one would keep the whole text alive. */
const maxCopied = 12;

/** Where the next `count` random bytes begin in the pool, up to 4,096; until the next draw they are the caller's. */
export function drawBytes(count: number): number {
  if (used + count > randomPool.length) {
    randomFillSync(randomPool);
    poolText = randomPool.toString("hex");
    used = 0;
  }
  used += count;
  return used - count;
}

/** `count`: bytes, so half as many as characters. Up to 4,096. */
export function randomHex(count: number): string {
  const at = drawBytes(count);
  if (2 * count <= maxCopied) return poolText.slice(2 * at, 2 * (at + count));
  return randomPool.toString("hex", at, at + count);
}
