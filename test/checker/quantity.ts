/** Conservation of quantity: nothing is executed beyond what was ordered, nothing stays open, and all books agree. */

import type { History, Quantity } from "./history.ts";
import type { Violation } from "./violation.ts";

export function findBrokenSums(history: History): Violation[] {
  const texts: string[] = [];
  const books = new Map<string, { ordered: number; executed: number; rejected: number }>();
  for (const account of history.quantity) {
    const { book, ordered, executed, rejected } = account;
    const sum = books.get(book) ?? { ordered: 0, executed: 0, rejected: 0 };
    books.set(book, {
      ordered: sum.ordered + ordered,
      executed: sum.executed + executed,
      rejected: sum.rejected + rejected,
    });
    texts.push(...imbalanceOf(account, history.drained));
  }
  const [first, ...others] = books;
  if (first !== undefined && history.drained) {
    const [name, sums] = first;
    for (const [other, otherSums] of others) {
      for (const what of ["ordered", "executed", "rejected"] as const) {
        if (sums[what] === otherSums[what]) continue;
        texts.push(`${what}: ${name} says ${sums[what]}, ${other} ${otherSums[what]}`);
      }
    }
  }
  return texts.map((text) => ({ kind: "sum", text }));
}

function imbalanceOf({ book, order, ordered, executed, rejected }: Quantity, drained: boolean): readonly string[] {
  const name = order === "" ? book : `${book} ${order}`;
  const open = ordered - executed - rejected;
  if (executed < 0 || rejected < 0) return [`${name} has less than nothing executed or rejected`];
  if (open < 0) return [`${name}: ${-open} more executed or rejected than the ${ordered} ordered`];
  return open > 0 && drained ? [`${name} stays open with ${open} of ${ordered}`] : [];
}
