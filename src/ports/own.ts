/** Ownership of a slice: one row for each component and partition names the owner, and every write of an owner is compared with it. */

import type { DeliveryId } from "./delivery.ts";

/** A component's partition, the unit of ownership. */
export interface Slice {
  readonly component: string;
  readonly partition: number;
}

/** An owner's proof, sent with every write: both fields must equal the row's. The epoch grows with every acquisition. */
export interface Claim {
  readonly epoch: number;
  /** `<member>/<token>`; the token is drawn for this acquisition. */
  readonly owner: string;
}

/** The row of a slice. */
export interface OwnerRow extends Claim {
  /** The owner; empty where nobody owns the slice. */
  readonly owner: string;
  /** A number that grows with every renewal and settlement. */
  readonly beat: number;
  /** Number of the last batch of settlements under this claim; 0 before the first. */
  readonly seq: number;
  /** The member that should get the slice; empty where the slice stays. */
  readonly wanted: string;
}

/** The newest entry that an owner has read of a channel. `eventId` is the entry's field `id`, empty where it has none. */
export interface NewestRead extends DeliveryId {
  readonly eventId: string;
  /** Entries up to it that the stream ever had, those among them that are known as lost; undefined where the number is unknown. */
  readonly entriesRead?: number | undefined;
}

/** The result of `look`. */
export interface Look {
  /** The row; undefined where it never existed or was removed. */
  readonly row: OwnerRow | undefined;
  /** True where one of the newest entries is gone or is another event: the server has gone back, as after a failover. */
  readonly isBehind: boolean;
}

/** The request to take a slice. */
export interface Acquisition {
  readonly member: string;
  readonly token: string;
  /**
   * The row as the taker saw it, undefined where there was none: if the row has changed, nothing is taken. One's own row is taken whatever its
   * beat, with `seq` as the last batch that was answered: one that was given up may have been written since.
   */
  readonly seen: (Claim & { readonly beat?: number; readonly seq?: number }) | undefined;
  /** The greatest epoch that this member ever saw, of any owner. */
  readonly highestEpoch: number;
  /** True where the previous owner is taken for dead: the row counts the death. */
  readonly isDeath: boolean;
  /** The start on a channel that the component never had: at the oldest entry, or after the newest. */
  readonly begin: "0" | "$";
}

/** The start of an owner on a channel. */
export interface Start {
  readonly channel: string;
  /** The position up to which every entry is finished, but for those in `open` and parked ones. */
  readonly at: string;
  /** Number of entries up to `at` that the stream ever had; undefined where it is unknown. */
  readonly entriesRead: number | undefined;
  /** Entries up to `at` that are neither finished nor parked, in the order of the stream. */
  readonly open: readonly string[];
  /** Counted attempts at entries that are not parked, before and after `at`. */
  readonly counts: readonly CountedEntry[];
  /**
   * `there`: the group existed. `new`: it was made for the first time. `again`: the group or the row was gone, and was made again from the
   * other. `gone`: the stream is another one, and `lost` unfinished entries that the row named went with the old one.
   */
  readonly became: "there" | "new" | "again" | "gone";
  readonly lost: number;
  /** After `at`: what the owner before had begun, where it is taken for dead and the group shows it; in the order of the stream. */
  readonly begun: readonly string[];
}

/** An entry with its attempts. */
export interface CountedEntry {
  readonly entryId: string;
  readonly record: AttemptCount;
}

/** The durable count of an entry's attempts. */
export interface AttemptCount {
  /** Attempts that were begun. */
  readonly attempt: number;
  /** Attempts begun since one last ended: each of them may have killed its process. */
  readonly starts: number;
  /** Time until the next attempt is due, ms by the server's clock; 0 where it is due. */
  readonly dueInMs: number;
}

/** The result of `acquire`. `lost`: the row had changed. */
export type Acquired =
  | { readonly outcome: "acquired"; readonly epoch: number; readonly deaths: number; readonly starts: readonly Start[] }
  | { readonly outcome: "lost"; readonly row: OwnerRow | undefined };

/** A consumer of the component's group that is none of ours; empty where somebody has acknowledged what waits for a retry. */
export interface Stranger {
  readonly channel: string;
  readonly consumer: string;
}

/** Entries that somebody else than retention has removed before the component had them. Where not exact, at most so many. */
export interface Loss {
  readonly channel: string;
  readonly count: number;
  readonly isExact: boolean;
}

/**
 * The result of `renew`. `wanted`: as in the row. `remade`: channels whose group was gone, and was made again from the row. `strangers`: what
 * they did is undone. `losses`: each is told once, to one owner.
 */
export type Renewed =
  | {
      readonly outcome: "renewed";
      readonly wanted: string;
      readonly remade: readonly string[];
      readonly strangers?: readonly Stranger[];
      readonly losses?: readonly Loss[];
    }
  | { readonly outcome: "fenced"; readonly row: OwnerRow | undefined }
  | { readonly outcome: "regressed" };

/**
 * The verbs of ownership. They work while the server's memory is full. A request may take effect although its reply was lost, also long
 * after the session was. @throws {StoreError} when the session is lost, or the server refuses
 */
export interface Owning {
  /** Reads the row. Changes nothing. The first call of every session. */
  look(newest: readonly NewestRead[]): Promise<Look>;
  /**
   * Takes the slice if its row is unchanged. The new epoch is the greatest of the row's + 1, `highestEpoch` + 1 and the server's time in ms.
   * Makes the component's group and its named consumer on each channel where they are missing. Resolves when the change is as durable as
   * the options require.
   */
  acquire(acquisition: Acquisition): Promise<Acquired>;
  /**
   * Renews the ownership; with `newest` it also looks after the channels: puts their groups right, and tells what others did. `late`: entries
   * long under way, which the group's pending list then shows to people.
   */
  renew(claim: Claim, newest: readonly NewestRead[] | undefined, late: readonly DeliveryId[]): Promise<Renewed>;
  /** Asks the owner to hand the slice over to `member`. Does nothing if another owner has taken the slice since. */
  want(seen: Claim, member: string): Promise<void>;
  /** Frees the slice if `seq` is the number of the last written batch. False: nothing was changed. */
  release(claim: Claim, seq: number): Promise<boolean>;
}
