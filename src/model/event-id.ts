/** Event ids: random for root events; derived for a handler's outputs, so that a redelivery derives the same ids. */

import { hash } from "node:crypto";
import { randomHex } from "./random-hex.ts";
import { requireWellFormed } from "./well-formed-text.ts";

let lastMs = 0;
/** `lastMs` as the first two groups of an id. */
let prefix = "";
/** A number of 26 bits that grows by one from id to id within a millisecond, from a random start. */
let counter = 0;
/** Two digits for each byte; a table, because `toString(16)` is a slow call into the runtime. */
const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A number of 16 bits as four hexadecimal digits. */
function fourDigits(value: number): string {
  return `${hexOf[value >>> 8]}${hexOf[value & 0xff]}`;
}

/** A UUIDv7: unique, and sorted by creation, even when the clock goes back. @see RFC 9562, 6.2 method 1 */
export function newEventId(): string {
  const now = Date.now();
  counter++;
  if (now > lastMs || counter > 0x3ff_ffff) {
    lastMs = Math.max(now, lastMs + 1);
    const ms = lastMs.toString(16).padStart(12, "0");
    prefix = `${ms.slice(0, 8)}-${ms.slice(8)}`;
    counter = Math.floor(Math.random() * 0x1ff_ffff);
  }
  return `${prefix}-${fourDigits(0x7000 | (counter >>> 14))}-${fourDigits(0x8000 | (counter & 0x3fff))}-${randomHex(6)}`;
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
