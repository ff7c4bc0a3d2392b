/** How a component settled one event of a story, as its settlement log tells it, and the same as text. */

import type { FailedNote } from "../../model/recorded-settlement.ts";
import { shown } from "../../model/safe-text.ts";
import { durationText } from "../text/format.ts";

/** A run of a handler that did not settle the event. Times are epoch ms. */
export interface FailedRun {
  readonly outcome: FailedNote["outcome"];
  readonly startedAt: number;
  readonly endedAt: number;
  /** From 1. */
  readonly attempt: number;
  /** The member; empty where the log does not tell. */
  readonly member: string;
  /** Number of the ownership in which it ran; 0 where the log does not tell. */
  readonly epoch: number;
  /** True where the partition had changed its owner since the run before. */
  readonly isTakenOver: boolean;
  readonly error: string;
}

/** What the settlement log of a component tells of one event. Times are epoch ms. */
export interface StepSettlement {
  /** Null where it is not settled, or its log does not tell. */
  readonly settledAt: number | null;
  /** Start of the handler that settled it; null where the log does not tell. */
  readonly startedAt: number | null;
  /** From 1; 0 where the log does not tell. */
  readonly attempt: number;
  /** The member; empty where the log does not tell. */
  readonly member: string;
  /** Number of the ownership in which it was settled; 0 where the log does not tell. */
  readonly epoch: number;
  /** True where the partition had changed its owner since the run before, or since one that left no trace but its count. */
  readonly isTakenOver: boolean;
  /** Runs before it, the earliest first. */
  readonly failed: readonly FailedRun[];
}

/** The name of a component's settlement of an entry in a story. */
export function settlementName(
  component: string,
  { partition, channel, entryId }: { readonly partition: number; readonly channel: string; readonly entryId: string },
): string {
  return `${component} ${partition}/${channel}/${entryId}`;
}

/** How a run ended, as a sentence goes on. */
const endings: Readonly<Record<FailedRun["outcome"], string>> = {
  retried: "failed",
  conflict: "met another's change of its state",
  deadLettered: "failed for good",
  owner_lost: "was lost with its owner",
};

/** Lines about an event's settlement: one for each failed attempt, and one for the last. */
export function settlementLines(
  component: string,
  { settledAt, attempt, member, isTakenOver, failed }: StepSettlement,
  appendedAt: number,
): readonly string[] {
  const by = (name: string): string => (name === "" ? "" : ` by ${shown(name, 80)}`);
  const lines = failed.map(
    (run) =>
      `${shown(component, 60)}: attempt ${run.attempt} ${endings[run.outcome]} after ${durationText(run.endedAt - appendedAt)}${by(run.member)}${run.isTakenOver ? ", taken over" : ""}${run.error === "" ? "" : `: ${shown(run.error, 200)}`}`,
  );
  if (settledAt === null) return lines;
  const nth = attempt > 1 ? ` at attempt ${attempt}` : "";
  const text = `${shown(component, 60)}: settled after ${durationText(settledAt - appendedAt)}${nth}${by(member)}${isTakenOver ? ", taken over" : ""}`;
  return [...lines, text];
}
