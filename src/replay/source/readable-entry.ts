/** Whether an entry of a source is an event that can be republished. */

import type { ReplayLine } from "./source.ts";

/** Why not; undefined where it is one. Only the envelope is looked at: what its payload holds is its handlers' to judge. */
export function problemOf(line: ReplayLine & { readonly kind: "entry" }): string | undefined {
  const { entry, bytes } = line;
  if (entry.envelope === undefined) return entry.problem;
  // Its text has lost something: no component takes such an entry either.
  return bytes === undefined ? undefined : `entry ${entry.entryId} cannot be decoded: its fields are no valid UTF-8`;
}
