/** The order of entry ids, `<ms>-<seq>`, whose parts may be larger than a number holds exactly. */

/** Below 0 when `a` was appended before `b` to one stream. Across streams only the milliseconds say something. */
export function compareIds(a: string, b: string): number {
  const [aMs = "", aSeq = "0"] = a.split("-", 2);
  const [bMs = "", bSeq = "0"] = b.split("-", 2);
  return compareDigits(aMs, bMs) || compareDigits(aSeq, bSeq);
}

function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The id after which a range begins, for what leaves out the id that it is given: `-`, `(id`, an id, or epoch ms. */
export function idBefore(from: string): string {
  if (from === "-") return "0-0";
  if (from.startsWith("(")) return from.slice(1);
  const [ms = "0", seq] = from.split("-", 2);
  if (seq !== undefined && seq !== "0") return `${ms}-${BigInt(seq) - 1n}`;
  return BigInt(ms) === 0n ? "0-0" : `${BigInt(ms) - 1n}-${maxSequence}`;
}

/** Whether an entry is not after the end of a range: `+`, `(id`, an id, or epoch ms, which stands for all of its millisecond. */
export function isUpTo(entryId: string, to: string): boolean {
  if (to === "+") return true;
  if (to.startsWith("(")) return compareIds(entryId, to.slice(1)) < 0;
  return compareIds(entryId, to.includes("-") ? to : `${to}-${maxSequence}`) <= 0;
}

const maxSequence = "18446744073709551615";

/** Nothing can be appended after it, and Redis refuses to look for anything after it. */
export const greatestId: string = `${maxSequence}-${maxSequence}`;
