/** Appending: what a producer asks of the store. */

/** What the store must know of the channel that an entry goes to. */
export interface Target {
  readonly name: string;
  /** Above 0: the window in which the event id is appended only once. A settlement needs none. */
  readonly dedupeWindowMs: number;
  /** The channel's hard cap: 0 none; above 0 the full channel refuses the entry, below 0 it evicts its oldest. */
  readonly cap: number;
}

/** An entry to append. */
export interface NewEntry {
  readonly channel: Target;
  /** The eight values of the wire format, in its order; those that are empty the entry need not have. Made when they are asked for. */
  readonly values: readonly string[];
}

/** Where an entry stands; with `isRepeat` where the one stands that was first. Or why it was not appended, where the reason is the stream's own. */
export type Appended = { readonly entryId: string; readonly isRepeat: boolean } | { readonly refused: string };

/**
 * Appends for one producer. Batches are numbered by the store and resent under their number when a reply is lost, so
 * that each is appended once, in the order of the calls. Resolves when Redis has appended.
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

/** What a full channel has lost to make room. */
export interface Evicted {
  readonly channel: string;
  readonly partition: number;
  readonly removed: number;
  /** Of these, the ones that some component had not finished. */
  readonly unfinished: number;
}
