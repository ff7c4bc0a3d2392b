/** Violations: the ways in which a history breaks a promise. */

/**
 * - `lost`: acknowledged, and not in the log
 * - `doubled`: an event, an output, a dead letter or a count that is there more often than allowed
 * - `refused`: in the log although its publish was rejected, or although nobody published it
 * - `missing`: settled without its output or its count
 * - `unbacked`: an output whose cause was not acknowledged or does not exist
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
  /** A description of the violation, with the ids to look for. */
  readonly text: string;
}
