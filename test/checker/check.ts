/** Checks a history against what was promised of it. Pure: the same history always has the same violations. */

import { type Fact, type History, toHistory } from "./history.ts";
import { findReordered } from "./order.ts";
import { findPublishedWrong } from "./published.ts";
import { findBrokenSums } from "./quantity.ts";
import { findSettledWrong } from "./settled.ts";

/**
 * - `lost`: acknowledged, and not in the log
 * - `doubled`: an event, an output, a dead letter or a count that is there more often than it may
 * - `refused`: in the log although its publish was rejected, or although nobody published it
 * - `missing`: settled without its output or its count
 * - `unbacked`: an output of what was not acknowledged, or comes from nowhere
 * - `unfinished`: not settled although all had drained
 * - `reordered`: events of one key in another order than that of the log, or of their producer
 * - `sum`: quantity that is not conserved
 */
export type ViolationKind =
  | "lost"
  | "doubled"
  | "refused"
  | "missing"
  | "unbacked"
  | "unfinished"
  | "reordered"
  | "sum";

export interface Violation {
  readonly kind: ViolationKind;
  /** What is wrong, with the ids to look for. */
  readonly text: string;
}

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
