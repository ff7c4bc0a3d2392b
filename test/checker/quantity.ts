/** Conservation of quantity: nothing is executed beyond what was ordered, nothing stays open, and all books agree. */

import type { History, Quantity } from "./history.ts";
import type { Violation } from "./violation.ts";

export function findBrokenSums(history: History): Violation[] {
  const texts: string[] = [];
  const books = new Map<string, { ordered: number; executed: number; rejected: number; cancelled: number }>();
  for (const account of history.quantity) {
    const { book, ordered, executed, rejected, cancelled } = account;
    const sum = books.get(book) ?? { ordered: 0, executed: 0, rejected: 0, cancelled: 0 };
    books.set(book, {
      ordered: sum.ordered + ordered,
      executed: sum.executed + executed,
      rejected: sum.rejected + rejected,
      cancelled: sum.cancelled + cancelled,
    });
    texts.push(...imbalanceOf(account, history.drained));
  }
  const [first, ...others] = books;
  if (first !== undefined && history.drained) {
    const [name, sums] = first;
    for (const [other, otherSums] of others) {
      for (const what of ["ordered", "executed", "rejected", "cancelled"] as const) {
        if (sums[what] === otherSums[what]) continue;
        texts.push(`${what}: ${name} says ${sums[what]}, ${other} ${otherSums[what]}`);
      }
    }
  }
  return texts.map((text) => ({ kind: "sum", text }));
}

function imbalanceOf(account: Quantity, drained: boolean): readonly string[] {
  const { book, order, ordered, executed, rejected, cancelled } = account;
  const name = order === "" ? book : `${book} ${order}`;
  const open = ordered - executed - rejected - cancelled;
  if (Math.min(executed, rejected, cancelled) < 0)
    return [`${name} has less than nothing executed, rejected or cancelled`];
  if (open < 0) return [`${name}: ${-open} more executed, rejected or cancelled than the ${ordered} ordered`];
  return open > 0 && drained ? [`${name} stays open with ${open} of ${ordered}`] : [];
}
