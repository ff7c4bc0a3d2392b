/** The target of a replay: a namespace into which a run writes entries and, in the same step, its own progress. */

import type { Catalogue } from "./inspect.ts";

/** `live`: something other than a replay uses the namespace. */
export type NamespaceUse = "unused" | "shadow" | "live";

/** The request to open a target. */
export interface TargetOpening {
  readonly run: string;
  readonly partitions: number;
  /** `<namespace> <run>` of the shadow's source; undefined where the target is meant to be live. */
  readonly shadowOf: string | undefined;
  readonly channels: readonly string[];
  /** Ends the wait while Redis is away; the call then throws the signal's reason. */
  readonly signal: AbortSignal;
}

/** The namespace that a run writes into. */
export interface TargetSpace extends AsyncDisposable {
  /**
   * Tells who uses the namespace, and writes nothing. `channels`: ones whose entries may have been written by hand, without a
   * description. @throws {StoreError}
   */
  use(channels: readonly string[]): Promise<NamespaceUse>;
  /** Reads the description; undefined where nothing has used the namespace. @throws {ConfigError} on another format. @throws {StoreError} */
  catalogue(): Promise<Catalogue | undefined>;
  /**
   * Prepares the namespace: marks a shadow, and describes its channels so that `status` and `journey` know them. May be called again.
   * @throws {ConfigError} when the namespace has another partition count or format. @throws {StoreError} when Redis refuses
   */
  openTarget(opening: TargetOpening): Promise<ReplayTarget>;
}

/** An entry of a run, encoded: the eight values of the wire format, in its order. */
export interface ReplayedEntry {
  readonly channel: string;
  readonly values: readonly string[];
}

/** Entries of one partition, with the progress that they bring. */
export interface ReplayBatch {
  readonly entries: readonly ReplayedEntry[];
  /** For each source channel of the batch, the entry id of its last original. */
  readonly positions: ReadonlyMap<string, string>;
}

/** A run's progress in one partition. */
export interface PartitionProgress {
  /** Number of entries that the run has appended. */
  readonly entries: number;
  /** By source channel, the entry id of the last original that was republished. */
  readonly positions: ReadonlyMap<string, string>;
}

/**
 * The target of one run, held by one process at a time. One atomic step writes a batch and the position after it, so that a process
 * killed at any moment leaves no entry that its successor republishes again or skips.
 */
export interface ReplayTarget {
  /** Takes the run over: the store refuses what an earlier process still sends. Gives the progress of each partition. */
  claim(): Promise<readonly PartitionProgress[]>;
  /**
   * Appends the batches of a partition in the order of the calls, and none after a refused one. Gives the entry ids; an empty list where
   * the batch was resent because its reply was lost.
   * @throws {FencedError} when another process has taken the run over
   * @throws {ReplayError} when Redis refuses the batch; nothing of the batch was written then
   */
  append(partition: number, batch: ReplayBatch): Promise<readonly string[]>;
  /** Reads the progress of the run without taking the run over. */
  progress(): Promise<readonly PartitionProgress[]>;
  close(): void;
}
