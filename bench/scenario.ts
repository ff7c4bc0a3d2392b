/**
 * The definition of a scenario: a work, its entrants with their shapes, the measurement that counts, and the figures
 * aimed at.
 */

import type { Shape, Work } from "./contender.ts";
import type { ContenderName } from "./contenders.ts";

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** A sentence or two for readers of the figures, where the title does not say enough. */
  readonly about?: string;
  readonly work: Work;
  /** True when the events are published before the round. */
  readonly isBacklog: boolean;
  /** The measurement of a sample that counts. */
  readonly measurement: string;
  readonly unit: string;
  /** The direction that is better: more for a rate, less for a cost. */
  readonly better: "more" | "less";
  readonly entrants: readonly Entrant[];
  /** Entrants to which the ratios are taken. */
  readonly references: readonly string[];
  readonly aims: readonly Aim[];
  /** Number of rounds that do not count. Default 2: in the second round everybody's code still gets faster. */
  readonly warmUpRounds?: number;
  /** True when the chart shows the scenario. */
  readonly inChart?: boolean;
  /** Most rounds, for scenarios that take long or hardly differ from round to round. */
  readonly maxRounds?: number;
}

/** A contender in one shape. */
export interface Entrant {
  /** A name that is unique in its scenario. */
  readonly name: string;
  /** The name in tables. */
  readonly title: string;
  readonly contender: ContenderName;
  /** Number of events a round. Slower entrants get fewer, so that each round takes about as long. */
  readonly count: number;
  readonly shape: Shape;
}

/** A bound for a measurement of an entrant, or for its ratio to another's of the same round. */
export interface Aim {
  readonly of: string;
  /** The other entrant; undefined: the bound is for the figure itself. */
  readonly against?: string;
  /** The measurement. Default: the scenario's. */
  readonly measurement?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}
