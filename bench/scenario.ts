/** What a scenario is: a work, who takes part in it in which shape, what counts, and which figures are aimed at. */

import type { Shape, Work } from "./contender.ts";
import type { ContenderName } from "./contenders.ts";

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** For readers of the figures: what is done, in a sentence or two, where the title does not say it. */
  readonly about?: string;
  readonly work: Work;
  /** Whether the events are published before the round. */
  readonly isBacklog: boolean;
  /** Which of a sample's measurements counts. */
  readonly measurement: string;
  readonly unit: string;
  /** More of a rate is better, less of a cost. */
  readonly better: "more" | "less";
  readonly entrants: readonly Entrant[];
  /** Entrants that the quotients are taken to. */
  readonly references: readonly string[];
  readonly aims: readonly Aim[];
  /** Default 2: in the second round everybody's code still gets faster. */
  readonly warmUpRounds?: number;
  /** Whether the chart shows it, which is of what one looks at first. */
  readonly inChart?: boolean;
  /** At most so many rounds, for what takes long or hardly differs from round to round. */
  readonly maxRounds?: number;
}

/** A contender in one shape. */
export interface Entrant {
  /** Unique in its scenario. */
  readonly name: string;
  /** As the table names it. */
  readonly title: string;
  readonly contender: ContenderName;
  /** Events a round. Slower ones get fewer, so that a round takes everybody about as long. */
  readonly count: number;
  readonly shape: Shape;
}

/** A bound for a measurement of an entrant, or for its quotient to another's of the same round. */
export interface Aim {
  readonly of: string;
  /** Without it the figure itself is meant. */
  readonly against?: string;
  /** Default: the scenario's. */
  readonly measurement?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}
