/** Owning a slice: one row for each component and partition says who has it, and every write of the owner is compared with it. */

import type { DeliveryId } from "./store.ts";

/** What is owned: a component's partition. */
export interface Slice {
  readonly component: string;
  readonly partition: number;
}

/** What an owner shows with every write: both are compared whole. The epoch grows with every acquisition. */
export interface Claim {
  readonly epoch: number;
  /** `<member>/<token>`, the token drawn for this acquisition. */
  readonly owner: string;
}

export interface OwnerRow extends Claim {
  /** Empty: nobody owns the slice. */
  readonly owner: string;
  /** Grows with every renewal and settlement. */
  readonly beat: number;
  /** Number of the last batch of settlements under this claim; 0 before the first. */
  readonly seq: number;
  /** The member that the slice should go to; empty where it is to stay. */
  readonly wanted: string;
}

/** The newest entry that an owner has read of a channel. `eventId` is its field `id`, empty where it has none. */
export interface NewestRead extends DeliveryId {
  readonly eventId: string;
}

export interface Look {
  /** Undefined: there is none, and never was, or somebody has removed it. */
  readonly row: OwnerRow | undefined;
  /** One of the newest entries is not there any more, or is another event: the server has gone back. */
  readonly isBehind: boolean;
}

export interface Acquisition {
  readonly member: string;
  readonly token: string;
  /** The row as the taker saw it, undefined where it saw none: if it has changed, nothing is taken. Without `beat` for one's own row. */
  readonly seen: (Claim & { readonly beat?: number }) | undefined;
  /** The greatest epoch that this member ever saw, of any owner. */
  readonly highestEpoch: number;
  /** The owner is taken for dead: the row counts it. */
  readonly isDeath: boolean;
  /** Where a channel begins that the component never had: at its oldest entry, or after its newest. */
  readonly begin: "0" | "$";
}

/** Where the owner begins on a channel. */
export interface Start {
  readonly channel: string;
  /** Everything up to here is finished, but for what is in `open` or parked. */
  readonly at: string;
  /** Entries up to `at`, of those that the stream has ever had; undefined where nobody knows. */
  readonly entriesRead: number | undefined;
  /** Entries up to `at` that are not finished and not parked, in the order of the stream. */
  readonly open: readonly string[];
  /** Where attempts were counted, of what is not parked; after `at`, too. */
  readonly counts: readonly CountedEntry[];
  /**
   * `again`: its group or the row was gone, and was made again from the other. `gone`: the stream is another one, and so many unfinished
   * entries that the row named are `lost`.
   */
  readonly became: "there" | "new" | "again" | "gone";
  readonly lost: number;
}

export interface CountedEntry {
  readonly entryId: string;
  readonly record: AttemptCount;
}

/** The durable count of an entry's attempts. */
export interface AttemptCount {
  /** Attempts that were begun. */
  readonly attempt: number;
  /** Begun since one last ended: each of them may have killed its process. */
  readonly starts: number;
  /** When the next one is due, ms from now by the server's clock; 0 where it is due. */
  readonly dueInMs: number;
}

export type Acquired =
  | { readonly outcome: "acquired"; readonly epoch: number; readonly deaths: number; readonly starts: readonly Start[] }
  | { readonly outcome: "lost"; readonly row: OwnerRow | undefined };

/** `wanted` as in the row. `remade`: channels whose group was gone, and was made again from the row. */
export type Renewed =
  | { readonly outcome: "renewed"; readonly wanted: string; readonly remade: readonly string[] }
  | { readonly outcome: "fenced"; readonly row: OwnerRow | undefined }
  | { readonly outcome: "regressed" };

/**
 * Works while the server's memory is full. A call's answer is that call's own, given once; it may come late, after those of later calls, and
 * what was asked for may happen although the answer was lost. @throws {StoreError} when the session is lost, or the server refuses
 */
export interface Owning {
  /** Changes nothing. The first call of every session. */
  look(newest: readonly NewestRead[]): Promise<Look>;
  /**
   * Takes the slice if its row is still as it was seen. The new epoch is the greatest of the row's + 1, `highestEpoch` + 1 and the server's
   * time in ms. Makes the component's group and its named consumer exist on each channel. Resolves when it is as durable as was asked for.
   */
  acquire(acquisition: Acquisition): Promise<Acquired>;
  /** Says that the owner lives. `late`: entries that are under way for long, for people to see in the group's pending list. */
  renew(claim: Claim, newest: readonly NewestRead[], late: readonly DeliveryId[]): Promise<Renewed>;
  /** Asks the owner to hand over to `member`. Does nothing if somebody else owns the slice by now. */
  want(seen: Claim, member: string): Promise<void>;
  /** Frees the slice if the last batch that was written is `seq`. False: nothing was changed. */
  release(claim: Claim, seq: number): Promise<boolean>;
}
