/** Tells whether an entry of a source is an event that can be republished. */

import type { ReplayLine } from "./source.ts";

/** The reason why an entry is no event; undefined for an event. Checks the envelope only: handlers judge the payload. */
export function problemOf(line: ReplayLine & { readonly kind: "entry" }): string | undefined {
  const { entry, bytes } = line;
  if (entry.envelope === undefined) return entry.problem;
  // The text is incomplete, and no component takes such an entry either.
  return bytes === undefined ? undefined : `entry ${entry.entryId} cannot be decoded: its fields are no valid UTF-8`;
}
