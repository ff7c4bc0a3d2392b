/** Runs of replays: the request and the state of each, kept so that a run can be resumed, listed and cancelled. */

import type { Speed } from "../model/speed.ts";

/** The source that a run reads. */
export type RunSource =
  | {
      readonly recording: string;
      /** The start of the recording, epoch ms; it reveals a file that has been replaced. */
      readonly recordedAt: number;
      readonly entries: number;
      /** Longest line that is read, bytes, where that is not the default. */
      readonly maxLineBytes?: number;
    }
  | { readonly channels: readonly string[]; readonly from: string; readonly to: string };

/** The request for a run. It does not change while the run lasts. */
export interface RunRequest {
  readonly run: string;
  /** The namespace that the entries come from. */
  readonly sourceNamespace: string;
  readonly source: RunSource;
  /** The namespace that the entries go to. */
  readonly namespace: string;
  readonly into?: string;
  /** The source channels that the run republishes. */
  readonly channels: readonly string[];
  readonly partitions: number;
  readonly from?: string;
  readonly to?: string;
  readonly where?: string;
  readonly limit?: number;
  readonly speed: Speed;
  readonly skipInvalid: boolean;
  readonly live: boolean;
  /** Number of entries to republish; absent until they were counted. */
  readonly total?: number;
  /** Epoch ms on the server's clock. */
  readonly createdAt: number;
}

/**
 * `queued`: waits for a worker. `running`: a process performs it. `stopped`: it was interrupted. `cancelled`: an operator ended it.
 * `failed`: `error` says why. Every run that is not `done` can be resumed.
 */
export type RunState = "queued" | "running" | "stopped" | "cancelled" | "failed" | "done";

/** A run as it was last recorded. */
export interface Run {
  readonly request: RunRequest;
  readonly state: RunState;
  /** Entries that were appended by the last heartbeat. */
  readonly entries: number;
  /** Entries that are no events, and were left out. */
  readonly unreadable: number;
  /** The reason of a failure; empty unless the run has failed. */
  readonly error: string;
  /** Last heartbeat of the run's process, epoch ms on the server's clock; 0 where no process has begun it. */
  readonly seenAt: number;
}

/** Records the runs that replay one namespace. The records are stored beside the namespace, not in it. */
export interface RunStore {
  /** @throws {ReplayError} where a run of this id exists */
  create(request: RunRequest, state: RunState): Promise<void>;
  find(run: string): Promise<Run | undefined>;
  /** Lists the latest runs. @throws {StoreError} where Redis is away for longer than a person waits */
  list(max: number): Promise<ListedRuns>;
  /** Records that a process performs the run. False: the run was cancelled after the caller had `seen` another state, and stays cancelled. */
  begin(run: string, seen: RunState): Promise<boolean>;
  /** Records that the run's process lives. True: the run was cancelled. */
  beat(run: string, entries: number): Promise<boolean>;
  /** Records the end of the run, unless the run was cancelled meanwhile. */
  end(run: string, state: RunState, counts: RunCounts, error?: string): Promise<void>;
  /** Cancels the run, and gives its state until then; a run that was `done` stays so. @throws {ReplayError} on an unknown run */
  cancel(run: string): Promise<RunState>;
  /** The server's clock, epoch ms. */
  now(): Promise<number>;
}

export interface ListedRuns {
  /** The latest first. */
  readonly runs: readonly Run[];
  /** The server's clock, epoch ms. */
  readonly now: number;
}

/** Numbers of entries that a run appended and left out. */
export interface RunCounts {
  readonly entries: number;
  readonly unreadable: number;
}

/** The queue of runs that wait for a worker. */
export interface RunQueue {
  /** Queues a run; a run that is queued already stays queued once. @throws {StoreError} when Redis refuses */
  add(run: string): Promise<void>;
  /** Removes a run that waits, if it can still be removed. */
  remove(run: string): Promise<void>;
  /**
   * Performs queued runs, one after the other, until the signal aborts, and then waits for the current run, which the same signal ends.
   * `again`: the run was interrupted, and returns to the queue. A run that throws is tried again later.
   */
  work(signal: AbortSignal, perform: (run: string) => Promise<"done" | "again">): Promise<void>;
}
