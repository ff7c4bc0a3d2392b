/** What a replay of a component's handlers gives: for each call what it published and wrote, and how it ended. */

import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { SettledCall } from "../source/source.ts";
import type { Gaps, ReplayOrder } from "./recorded-order.ts";

/** A handler call of a replay. Nothing of it has left this process. */
export interface CapturedCall {
  readonly partition: number;
  readonly channel: string;
  /** What the handler had, in its order. */
  readonly entries: readonly LogEntry[];
  readonly outcome: SettledCall["outcome"];
  /** Why it would be dead-lettered: a code, and the error's text. */
  readonly error: { readonly code: string; readonly reason: string } | undefined;
  /** The highest attempt that was needed, from 1. Retries run at once. */
  readonly attempts: number;
  /** What it published, with the event ids that it would have live. Entry ids are made up in the order of the calls. */
  readonly outputs: readonly LogEntry[];
  readonly writes: readonly CapturedWrite[];
  /** The idempotency keys that the handler asked for: each stands for an effect outside. */
  readonly effectIds: readonly string[];
  /** How the call ended in the record; undefined where the record does not say. */
  readonly recorded: SettledCall["outcome"] | undefined;
}

/** One key of the component's state that a call has written. */
export interface CapturedWrite {
  readonly store: string;
  readonly key: string;
  /** Undefined: deleted. */
  readonly value: unknown;
}

/** One key of a component's state: what a replay may begin with, and what it ends with. */
export interface StateValue {
  readonly partition: number;
  readonly store: string;
  readonly key: string;
  readonly value: unknown;
}

/** Of a run, as far as it has come. */
export interface ReplaySummary {
  readonly runId: string;
  readonly order: ReplayOrder;
  readonly calls: number;
  readonly events: number;
  readonly outputs: number;
  readonly effects: number;
  readonly deadLettered: number;
  /** Calls that ended otherwise than in the record. */
  readonly otherOutcomes: number;
  readonly gaps: Readonly<Gaps>;
}
