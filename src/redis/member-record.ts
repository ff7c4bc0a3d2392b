/** The record of a member in its component's hash of heartbeats: `<beat> <1 when it has left, else 0> <server time in ms> <about it, JSON>`. */

import type { MemberFacts } from "../ports/inspect.ts";

/** Undefined for a text that no member has written. */
export function parseMember(text: string): MemberFacts | undefined {
  const [, hasLeft, seenAt, about = ""] = /^\d+ ([01]) (\d+) (.*)$/s.exec(text) ?? [];
  return hasLeft === undefined ? undefined : { hasLeft: hasLeft === "1", seenAt: Number(seenAt), about };
}
