/** Checks a history against the promises of its components. Pure: the same history always has the same violations. */

import { type Fact, type History, toHistory } from "./history.ts";
import { findReordered } from "./order.ts";
import { findPublishedWrong } from "./published.ts";
import { findBrokenSums } from "./quantity.ts";
import { findSettledWrong } from "./settled.ts";
import type { Violation } from "./violation.ts";

/** Gives the violations, none when every promise was kept. @throws {HistoryError} when the history is incomplete */
export function checkHistory(facts: Iterable<Fact>): readonly Violation[] {
  const history: History = toHistory(facts);
  return [
    ...findPublishedWrong(history),
    ...findSettledWrong(history),
    ...findReordered(history),
    ...findBrokenSums(history),
  ];
}
