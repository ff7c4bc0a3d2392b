/** Where a run of a replay writes: a namespace, entries, and in the same step how far it has come. */

import type { Catalogue } from "./inspect.ts";

/** `live`: something else than a replay uses it. */
export type NamespaceUse = "unused" | "shadow" | "live";

export interface TargetOpening {
  readonly run: string;
  readonly partitions: number;
  /** `<namespace> <run>` of what a shadow is of; undefined where the namespace is meant to be live. */
  readonly shadowOf: string | undefined;
  readonly channels: readonly string[];
  /** Ends the wait for a Redis that is away: what is thrown then is its reason. */
  readonly signal: AbortSignal;
}

/** The namespace that a run writes into. */
export interface TargetSpace extends AsyncDisposable {
  /** `channels`: ones of which entries may have been written by hand, without a description. Writes nothing. @throws {StoreError} */
  use(channels: readonly string[]): Promise<NamespaceUse>;
  /** Undefined where nothing has used it. @throws {ConfigError} on another format. @throws {StoreError} */
  catalogue(): Promise<Catalogue | undefined>;
  /**
   * Makes it ready. A shadow is marked, and its channels are described, so that `status` and `journey` know them. May be called again.
   * @throws {ConfigError} when it has another partition count or format. @throws {StoreError} when Redis refuses
   */
  openTarget(opening: TargetOpening): Promise<ReplayTarget>;
}

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
