/** Where a run of a replay writes: entries, and in the same step how far it has come. */

/** An entry of a run, encoded: the eight values of the wire format, in its order. */
export interface ReplayedEntry {
  readonly channel: string;
  readonly values: readonly string[];
}

export interface ReplayBatch {
  readonly entries: readonly ReplayedEntry[];
  /** For each channel that the batch comes from, the entry id of its last original. */
  readonly positions: ReadonlyMap<string, string>;
}

/** How far a run has come in one partition. */
export interface PartitionProgress {
  /** Entries that it has appended. */
  readonly entries: number;
  /** By source channel, the entry id of the last original that was republished. */
  readonly positions: ReadonlyMap<string, string>;
}

/**
 * The target of one run, held by one process at a time. A batch and the position after it are written in one atomic step, so that
 * there is no moment at which a killed process leaves an entry that its successor republishes again, or skips.
 */
export interface ReplayTarget {
  /** Takes the run over: whatever a process that had it before still sends is refused. One for each partition. */
  claim(): Promise<readonly PartitionProgress[]>;
  /**
   * Batches of a partition are appended in the order of the calls; after one that was refused, none. Gives the entry ids; empty where
   * the batch was resent because its reply was lost.
   * @throws {FencedError} when another process has taken the run over
   * @throws {ReplayError} when Redis refuses the batch, of which nothing was written then
   */
  append(partition: number, batch: ReplayBatch): Promise<readonly string[]>;
  /** How far the run has come, without taking it over. */
  progress(): Promise<readonly PartitionProgress[]>;
  close(): void;
}
