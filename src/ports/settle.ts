/** Settling: outputs, state and position of a batch in one step, compared with the owner's row, and done once however often it is sent. */

import type { NewEntry } from "./append.ts";
import type { DeliveryId, Obituary } from "./delivery.ts";
import type { AttemptCount, Claim, OwnerRow } from "./own.ts";
import type { StateKey } from "./read.ts";

/** An entry of a settlement. */
export interface SettledEntry extends DeliveryId {
  /** True where the attempt counts, the group's pending list, or the row as refused may name the entry: all forget it. */
  readonly isNoted: boolean;
}

/** An output, and the partition that it goes to. */
export interface Output {
  readonly partition: number;
  readonly entry: NewEntry;
}

/** A value to write; undefined deletes the key. */
export interface StateChange extends StateKey {
  readonly json: string | undefined;
}

/** One run of a handler, as the settlement log keeps it, from which its span can be made again. */
export interface HandlerRun {
  /** When it began, on the owner's monotonic clock, ms. */
  readonly startedMs: number;
  readonly attempt: number;
  readonly claimed: boolean;
  /** Counts from 0 the times that the handler began within the attempt. */
  readonly run: number;
  /** Number of the ownership in which it ran. */
  readonly epoch: number;
}

/** A run that did not end with an acknowledgement. */
export interface FailedRun {
  readonly ran: HandlerRun;
  readonly outcome: "retried" | "conflict" | "deadLettered" | "owner_lost";
  readonly entries: readonly DeliveryId[];
  /** When it ended, on the owner's monotonic clock, ms; undefined: with the settlement. */
  readonly endedMs?: number;
  /** The member, where it is not the one that settles. */
  readonly member?: string;
  /** Why it failed; undefined of a conflict. */
  readonly error: unknown;
}

/**
 * The settlement of an entry, or with `acked` of a batch of entries that succeeds or fails as a whole.
 * `parked`: the entry is retried when it is due, and others of its key go on. `blocked`: it is retried too, but stays open, and its key waits.
 * `buried`: a dead letter is appended, unless the entry is no longer in its stream. `isGone`: the owner knows that it is not.
 * `locks` names the ordering keys and the state read or written: no other settlement may overtake this one on them.
 */
export type Settlement = Settled &
  (
    | Effects
    | { readonly kind: "parked" | "blocked"; readonly attempt: number; readonly delayMs: number }
    | { readonly kind: "buried"; readonly obituary: Obituary; readonly isGone: boolean }
  );

/** The settlement of what was handled. */
export type Acknowledgement = Settled & Effects;

interface Effects {
  readonly kind: "acked";
  readonly outputs: readonly Output[];
  readonly changes: readonly StateChange[];
}

interface Settled {
  readonly locks: readonly string[];
  readonly entries: readonly SettledEntry[];
  /** The run that it settles; undefined where no handler ran. */
  readonly ran?: HandlerRun;
  /** The same where it failed. */
  readonly failed?: FailedRun;
}

/** Whether it writes more than the position, and so needs memory on the server. */
export function hasEffects(settlement: Settlement): boolean {
  return settlement.kind !== "acked" || settlement.outputs.length + settlement.changes.length > 0;
}

/** The position of a channel at the time of the batch. Written whole; the store adds entries of the batch that it refuses to `open`. */
export interface Position {
  readonly channel: string;
  readonly at: string;
  readonly entriesRead: number | undefined;
  /** Ids up to `at` that are neither finished nor parked, in their order. */
  readonly open: readonly string[];
}

/** A batch of settlements. Its owner numbers batches from 1 without a gap, and never sends other content under the same number and claim. */
export interface Batch {
  readonly number: number;
  readonly settlements: readonly Settlement[];
  readonly positions: readonly Position[];
  /** When it was made, on the owner's monotonic clock, ms. */
  readonly at?: number;
  /** Runs that ended without a settlement of their own, for the settlement log. */
  readonly ended?: readonly FailedRun[];
}

/** `ids`: the ids of the outputs, in their order, or of the dead letter. `refused`: neither it nor any later settlement on its locks was written. */
export type SettleResult =
  | { readonly outcome: "settled"; readonly ids: readonly string[] }
  | { readonly outcome: "refused"; readonly reason: string };

/**
 * `settled`: the results are in the order of the settlements; a number that was settled before gets its first results.
 * `ahead`: a batch before this one is missing; `seq` is the last number that was written. `refused`: the server refuses the whole batch.
 * `regressed`: the newest entry of a channel in the batch is not in the log although nobody has removed it, or one that is buried as gone is
 * there. Only `settled` writes anything.
 */
export type SettleReply =
  | {
      readonly outcome: "settled";
      readonly results: readonly SettleResult[];
      readonly wanted: string;
      readonly remade: readonly string[];
    }
  | { readonly outcome: "ahead"; readonly seq: number }
  | { readonly outcome: "fenced"; readonly row: OwnerRow | undefined }
  | { readonly outcome: "regressed" }
  | { readonly outcome: "refused"; readonly reason: string };

/** Most unanswered batches: the store keeps as many replies. */
export const settlePipeline = 3;

/** The verbs of settling. A server's refusal is a reply. @throws {StoreError} when the session is lost, before or after the batch was written */
export interface Settling {
  /** Settles a batch; a dead letter comes before all else in it, so that the settlement log has both in their order. While memory is full, the store accepts batches that only acknowledge, and refuses others as a whole. */
  settle(claim: Claim, batch: Batch): Promise<SettleReply>;
  /** Counts an attempt before it begins, once for each `attempt`, from 1. Undefined: fenced, or the entry is finished. @throws {StoreError} */
  count(claim: Claim, entry: DeliveryId, attempt: number): Promise<AttemptCount | undefined>;
}
