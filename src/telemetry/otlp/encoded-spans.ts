/** Spans as they go over the wire, and how a batch of them becomes two. */

import type { Batch } from "./retrying-sender.ts";

export interface EncodedSpans extends Batch {
  readonly bytes: Buffer;
  /** Where they begin, of each its tag, its length and its message; before that is room for what goes before them in a request. */
  readonly start: number;
  /** The buffer, where nothing else is in it: it may be used again. */
  readonly whole: Buffer | undefined;
}

/** Two batches of a batch of several. */
export function halve({ count, bytes, start }: EncodedSpans): [EncodedSpans, EncodedSpans] {
  const half = Math.ceil(count / 2);
  let at = start;
  for (let i = 0; i < half; i++) {
    let length = 0;
    let shift = 0;
    at += 1;
    for (; ; shift += 7) {
      const byte = bytes[at++] as number;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    at += length;
  }
  // Without room before them, so that nothing is written there: who was sent the whole may still read it.
  return [
    { count: half, size: at - start, bytes: bytes.subarray(start, at), start: 0, whole: undefined },
    { count: count - half, size: bytes.length - at, bytes: bytes.subarray(at), start: 0, whole: undefined },
  ];
}
