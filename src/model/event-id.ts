/** Event ids: random for root events; derived for a handler's outputs, so that a redelivery derives the same ids. */

import { hash } from "node:crypto";
import { writeHex } from "./hex.ts";
import { drawBytes, randomPool } from "./random-hex.ts";
import { requireWellFormed } from "./well-formed-text.ts";

let lastMs = 0;
/** A number of 26 bits that grows by one from id to id within a millisecond, from a random start. */
let counter = 0;
/** The id under way, as ASCII: read as one text, which whoever looks into it need not flatten first. */
const draft = Buffer.from("00000000-0000-0000-0000-000000000000", "latin1");

/** A UUIDv7: unique, and sorted by creation, even when the clock goes back. @see RFC 9562, 6.2 method 1 */
export function newEventId(): string {
  const now = Date.now();
  counter++;
  if (now > lastMs || counter > 0x3ff_ffff) {
    lastMs = Math.max(now, lastMs + 1);
    writeHex(draft, 0, Math.floor(lastMs / 0x1_0000_0000));
    writeHex(draft, 4, lastMs / 0x1_0000);
    writeHex(draft, 9, lastMs);
    counter = Math.floor(Math.random() * 0x1ff_ffff);
  }
  writeHex(draft, 14, 0x7000 | (counter >>> 14));
  writeHex(draft, 19, 0x8000 | (counter & 0x3fff));
  const at = drawBytes(6);
  for (let i = 0; i < 6; i += 2) writeHex(draft, 24 + 2 * i, randomPool.readUInt16BE(at + i));
  return draft.toString("latin1");
}

/**
 * A UUIDv8 over the SHA-1 of the arguments, so that the same arguments always give the same id. `purpose` tells the ids of one source
 * apart: the index of an output, say.
 * @throws {ChannelError} on text that is not well-formed Unicode: different texts would give the same id. @see RFC 9562, 5.8
 */
export function deriveEventId(sourceId: string, component: string, purpose: string | number): string {
  const source = `${sourceId}\n${component}\n${purpose}`;
  requireWellFormed("what an id derives from", source);
  const hex = hash("sha1", source, "hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
