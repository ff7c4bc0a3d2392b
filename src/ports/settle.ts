/** Settling: outputs, state and position of a batch in one step, compared with the owner's row, once however often it is sent. */

import type { NewEntry } from "./append.ts";
import type { AttemptCount, Claim, OwnerRow } from "./own.ts";
import type { StateKey } from "./read.ts";
import type { DeliveryId, Obituary } from "./store.ts";

/** An entry that is settled. */
export interface SettledEntry extends DeliveryId {
  /** It may stand in the attempts' counts, or in the group's pending list: both forget it. */
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

/**
 * What becomes of an entry, or with `acked` of a batch of entries that stands or falls together.
 * `parked`: retried when it is due, and others of its key go on. `blocked`: likewise, but it stays open, and its key waits.
 * `buried`: a dead letter is appended; of an entry that is no longer in its stream there is nothing to append.
 * `locks` names what it must not be overtaken on: its ordering keys, and the state that it has read or written.
 */
export type Settlement = { readonly locks: readonly string[]; readonly entries: readonly SettledEntry[] } & (
  | { readonly kind: "acked"; readonly outputs: readonly Output[]; readonly changes: readonly StateChange[] }
  | { readonly kind: "parked" | "blocked"; readonly attempt: number; readonly delayMs: number }
  | { readonly kind: "buried"; readonly obituary: Obituary; readonly isGone: boolean }
);

/** How far a channel is when the batch is settled. Written whole; what the store refuses of the batch it adds to `open` itself. */
export interface Position {
  readonly channel: string;
  readonly at: string;
  readonly entriesRead: number | undefined;
  /** Ids up to `at` that are neither finished nor parked, in their order. */
  readonly open: readonly string[];
}

/** Numbered by its owner from 1 without a gap. A number never gets other content under the same claim. */
export interface Batch {
  readonly number: number;
  readonly settlements: readonly Settlement[];
  readonly positions: readonly Position[];
}

/** `ids`: of the outputs, in their order, or of the dead letter. `refused`: nothing of it was written, nor of what came after it on a lock. */
export type SettleResult =
  | { readonly outcome: "settled"; readonly ids: readonly string[] }
  | { readonly outcome: "refused"; readonly reason: string };

/**
 * `settled`: the results stand in the order of the settlements; a number that was reached before gets its first reply.
 * `ahead`: a batch before this one is missing; `seq` is the last one that was written. `refused`: the server takes none of it.
 * `regressed`: an entry to be settled is not in the log any more. Nothing is written but with `settled`.
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

/** How many batches may be unanswered: the store keeps as many replies. */
export const settlePipeline = 3;

/** @throws {StoreError} when the session is lost, before or after it was done. What the server refuses is a reply. */
export interface Settling {
  /** While memory is full, batches that only acknowledge are taken, and others are refused as a whole. */
  settle(claim: Claim, batch: Batch): Promise<SettleReply>;
  /** Counts an attempt before it is begun, once for each `attempt`, from 1. Undefined: fenced. @throws {StoreError} */
  count(claim: Claim, entry: DeliveryId, attempt: number): Promise<AttemptCount | undefined>;
}
