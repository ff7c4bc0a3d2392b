/** Checks a history against what was promised of it. Pure: the same history always has the same violations. */

import { type Fact, type History, toHistory } from "./history.ts";
import { findReordered } from "./order.ts";
import { findPublishedWrong } from "./published.ts";
import { findBrokenSums } from "./quantity.ts";
import { findSettledWrong } from "./settled.ts";
import type { Violation } from "./violation.ts";

/** Empty when every promise was kept. @throws {HistoryError} when the facts are no whole history */
export function checkHistory(facts: Iterable<Fact>): readonly Violation[] {
  const history: History = toHistory(facts);
  return [
    ...findPublishedWrong(history),
    ...findSettledWrong(history),
    ...findReordered(history),
    ...findBrokenSums(history),
  ];
}
