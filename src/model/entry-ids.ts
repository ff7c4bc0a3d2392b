/** The order of entry ids, `<ms>-<seq>`. Either part may exceed the integers that a number holds exactly. */

/** Compares two ids: below 0 when `a` was appended before `b` to one stream. Across streams only the milliseconds are comparable. */
export function compareIds(a: string, b: string): number {
  // Nearly always both have the same shape: then the order of the texts is that of the numbers, and nothing need be taken apart.
  if (a.length === b.length && a.indexOf("-") === b.indexOf("-")) return a < b ? -1 : a > b ? 1 : 0;
  const [aMs = "", aSeq = "0"] = a.split("-", 2);
  const [bMs = "", bSeq = "0"] = b.split("-", 2);
  return compareDigits(aMs, bMs) || compareDigits(aSeq, bSeq);
}

function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The millisecond of an id, as a position: exact, however great it is. */
export function millisecondOf(id: string): string {
  return id.split("-", 1)[0] as string;
}

/** The id just before the start of a range, for reads that exclude the id they are given. `from`: `-`, `(id`, an id, or epoch ms. */
export function idBefore(from: string): string {
  if (from === "-") return "0-0";
  if (from.startsWith("(")) return from.slice(1);
  const [ms = "0", seq] = from.split("-", 2);
  if (seq !== undefined && seq !== "0") return `${ms}-${BigInt(seq) - 1n}`;
  return BigInt(ms) === 0n ? "0-0" : `${BigInt(ms) - 1n}-${maxSequence}`;
}

/** Tells whether an entry lies within the end of a range. `to`: `+`, `(id`, an id, or epoch ms, which includes all of its millisecond. */
export function isUpTo(entryId: string, to: string): boolean {
  if (to === "+") return true;
  if (to.startsWith("(")) return compareIds(entryId, to.slice(1)) < 0;
  return compareIds(entryId, to.includes("-") ? to : `${to}-${maxSequence}`) <= 0;
}

const maxSequence = "18446744073709551615";

/** The greatest entry id: Redis appends nothing after it, and refuses to read after it. */
export const greatestId: string = `${maxSequence}-${maxSequence}`;
