/** The owner's row in the scripts' replies. */

import type { OwnerRow } from "../../ports/own.ts";

/** Epoch, owner, beat, seq, wanted; empty where there is no row. */
export type RowReply = readonly string[];

export function parseRow([epoch, owner = "", beat, seq, wanted = ""]: RowReply): OwnerRow | undefined {
  if (epoch === undefined) return undefined;
  return { epoch: Number(epoch), owner, beat: Number(beat), seq: Number(seq), wanted };
}
