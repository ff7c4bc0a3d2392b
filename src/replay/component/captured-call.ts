/** The result of a replay of a component's handlers: the outputs, state writes and outcome of each call. */

import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { SettledCall } from "../source/source.ts";
import type { Gaps, ReplayOrder } from "./recorded-order.ts";

/** A handler call of a replay. Its outputs and writes have not left this process. */
export interface CapturedCall {
  readonly partition: number;
  readonly channel: string;
  /** The entries that the handler received, in its order. */
  readonly entries: readonly LogEntry[];
  readonly outcome: SettledCall["outcome"];
  /** The reason for which the event would be dead-lettered: a code, and the error's text. */
  readonly error: { readonly code: string; readonly reason: string } | undefined;
  /** The highest attempt that was needed, from 1. Retries run without delay. */
  readonly attempts: number;
  /** The handler's outputs, with the event ids that they would have live. Their entry ids are made up, in the order of the calls. */
  readonly outputs: readonly LogEntry[];
  readonly writes: readonly CapturedWrite[];
  /** The idempotency keys that the handler read: each stands for an effect outside of Throughline. */
  readonly effectIds: readonly string[];
  /** The outcome of the call in the record; undefined where the record has none. */
  readonly recorded: SettledCall["outcome"] | undefined;
}

/** One key of the component's state that a call has written. */
export interface CapturedWrite {
  readonly store: string;
  readonly key: string;
  /** The new value; undefined where the key was deleted. */
  readonly value: unknown;
}

/** One key of a component's state, before the first call or after the last. */
export interface StateValue {
  readonly partition: number;
  readonly store: string;
  readonly key: string;
  readonly value: unknown;
}

/** The counts of a run until now. */
export interface ReplaySummary {
  readonly runId: string;
  readonly order: ReplayOrder;
  readonly calls: number;
  readonly events: number;
  readonly outputs: number;
  readonly effects: number;
  readonly deadLettered: number;
  /** Number of calls whose outcome differs from the record's. */
  readonly otherOutcomes: number;
  readonly gaps: Readonly<Gaps>;
}
