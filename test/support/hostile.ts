/** Text that attacks whoever prints it, and what must not come through. */

import fc from "fast-check";

const pieces = [
  "\u001b[2J\u001b]0;owned\u0007",
  "\u009b31m",
  "\u0000\u0008\u007f\u0085",
  "\n2026-01-01T00:00:00.000Z  forged line",
  "\r\n",
  "\t",
  "\u2028\u2029",
  "\u202eevil\u202c",
  "\u2066\u2069\u200e\u200f\u061c",
  "\u200b\ufeff\u00ad",
  "\u{e0001}\u{e0041}",
  "\\u001b",
  '"quoted"',
  "é漢🚀",
  "\ud83d",
] as const;

/** Never empty, and never without something that must not be printed as it is. */
export const hostileText: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(...pieces.slice(0, 11)),
    fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: "binary", maxLength: 6 }))),
  )
  .map(([first, others]) => `${others.slice(0, 2).join("")}${first}${others.slice(2).join("")}`);

/** All of the pieces that Redis keeps as they are: half of a surrogate pair is no UTF-8. */
export const allHostile: string = pieces.slice(0, -1).join("x");

/** Characters that do more at a terminal than be visible or end a line. */
export function unsafeIn(output: string): readonly string[] {
  const found = output.match(/[^\P{C}\n\p{Cn}\p{Co}]|[\u2028\u2029]/gu) ?? [];
  return [...new Set(found)].map((one) => one.codePointAt(0)?.toString(16) ?? "");
}
