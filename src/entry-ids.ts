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
