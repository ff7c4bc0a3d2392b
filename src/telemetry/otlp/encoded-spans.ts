/** A batch of encoded spans, and its division in two. */

import type { Batch } from "./retrying-sender.ts";

export interface EncodedSpans extends Batch {
  readonly bytes: Buffer;
  /**
   * The index at which the spans begin, each as tag, length and message. The room before it is for the head of a
   * request.
   */
  readonly start: number;
  /** The whole buffer, where it holds nothing else: it may be used again. */
  readonly whole: Buffer | undefined;
}

/** Divides a batch of several spans in two. */
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
  // The halves have no room before them, so that nothing is written there: the sender of the whole may still read it.
  return [
    { count: half, size: at - start, bytes: bytes.subarray(start, at), start: 0, whole: undefined },
    { count: count - half, size: bytes.length - at, bytes: bytes.subarray(at), start: 0, whole: undefined },
  ];
}
