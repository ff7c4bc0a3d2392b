/** Appending: the store's role for a producer. */

/** The facts that the store needs of the channel to which an entry goes. */
export interface Target {
  readonly name: string;
  /** Above 0: the window, ms, in which the store appends an event id only once. A settlement needs none. */
  readonly dedupeWindowMs: number;
  /** The channel's hard cap, entries: 0 is no cap; above 0 a full channel refuses the entry, below 0 it evicts its oldest. */
  readonly cap: number;
}

/** An entry to append. */
export interface NewEntry {
  readonly channel: Target;
  /** The eight values of the wire format, in its order, encoded on access. The entry may leave out values that are empty. */
  readonly values: readonly string[];
}

/** The entry's id, or with `isRepeat` the id of the first entry with the same event id; or the stream's own reason for a refusal. */
export type Appended = { readonly entryId: string; readonly isRepeat: boolean } | { readonly refused: string };

/**
 * Appends entries for one producer. The store numbers the batches, and a batch whose reply was lost is resent under its number: each
 * batch is appended once, in the order of the calls. `append` resolves when Redis has appended.
 * @throws {PublishError} when the store is unreachable for longer than `deadlineMs`, or refuses the whole batch.
 */
export interface Appender {
  append(
    partition: number,
    entries: readonly NewEntry[],
    atomic: boolean,
    deadlineMs: number,
  ): Promise<readonly Appended[]>;
  close(): Promise<void>;
}

/** The partitions that a producer's events go to. */
export interface Partitioning {
  /** Undefined until the count is known for good: by the first publish at the latest. */
  readonly count: number | undefined;
  /** Resolves when it is known. @throws {PublishError} as `append` */
  known(deadlineMs: number): Promise<void>;
}

/** Entries that a full channel evicted to make room. */
export interface Evicted {
  readonly channel: string;
  readonly partition: number;
  readonly removed: number;
  /** Number of the evicted entries that some component had not finished. */
  readonly unfinished: number;
}
