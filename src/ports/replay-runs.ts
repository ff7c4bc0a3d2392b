/** What is known of a run of a replay: what was asked for, and how it stands. Kept so that it can be resumed, listed and cancelled. */

import type { Speed } from "../model/speed.ts";

/** Where a run reads. */
export type RunSource =
  | {
      readonly recording: string;
      /** By which a file that has been replaced is known. */
      readonly recordedAt: number;
      readonly entries: number;
      /** Longest line that is read, in bytes, where that is not the default. */
      readonly maxLineBytes?: number;
    }
  | { readonly channels: readonly string[]; readonly from: string; readonly to: string };

/** What was asked for. Does not change while the run lasts. */
export interface RunRequest {
  readonly run: string;
  /** The namespace that the entries come from. */
  readonly sourceNamespace: string;
  readonly source: RunSource;
  /** The namespace that they go to. */
  readonly namespace: string;
  readonly into?: string;
  /** Only these channels of the source. */
  readonly channels: readonly string[];
  readonly partitions: number;
  readonly from?: string;
  readonly to?: string;
  readonly where?: string;
  readonly limit?: number;
  readonly speed: Speed;
  readonly skipInvalid: boolean;
  readonly live: boolean;
  /** How many entries it has to republish; absent until they were looked at. */
  readonly total?: number;
  /** Epoch ms on the server's clock. */
  readonly createdAt: number;
}

/**
 * `queued`: waits for a worker. `running`: a process has it. `stopped`: it was interrupted. `cancelled`: somebody has asked for its end.
 * `failed`: `error` says why. All but `done` can be resumed.
 */
export type RunState = "queued" | "running" | "stopped" | "cancelled" | "failed" | "done";

export interface Run {
  readonly request: RunRequest;
  readonly state: RunState;
  /** Entries that were appended when it last said so. */
  readonly entries: number;
  /** Entries that are no events, and were left out. */
  readonly unreadable: number;
  /** Empty unless it has failed. */
  readonly error: string;
  /** When its process last spoke, epoch ms on the server's clock; 0 where none has yet. */
  readonly seenAt: number;
}

/** Notes of the runs that replay one namespace. They lie beside it, not in it. */
export interface RunStore {
  /** @throws {ReplayError} where there is a run of this id */
  create(request: RunRequest, state: RunState): Promise<void>;
  find(run: string): Promise<Run | undefined>;
  /** The latest first. */
  list(max: number): Promise<readonly Run[]>;
  /** Notes that a process works on it. False: it was cancelled since it was `seen` in another state, and stays so. */
  begin(run: string, seen: RunState): Promise<boolean>;
  /** Says that the process lives. True: the run was cancelled. */
  beat(run: string, entries: number): Promise<boolean>;
  /** Notes how it has ended, unless it was cancelled meanwhile. */
  end(run: string, state: RunState, counts: RunCounts, error?: string): Promise<void>;
  /** Asks for its end. The state that it was in: where that is `done`, it has ended already. @throws {ReplayError} on one that is not known */
  cancel(run: string): Promise<RunState>;
  /** The server's clock, epoch ms. */
  now(): Promise<number>;
}

export interface RunCounts {
  readonly entries: number;
  readonly unreadable: number;
}

/** The hand that runs are left to. */
export interface RunQueue {
  /** A run is queued once, however often it is added. @throws {StoreError} when Redis refuses */
  add(run: string): Promise<void>;
  /** Takes a run out that waits, if that can be done. */
  remove(run: string): Promise<void>;
  /**
   * Performs queued runs, one after the other, until the signal aborts, and waits for the one that it is at, which the same signal ends.
   * `again`: it was interrupted, and goes back to the queue. What is thrown is tried again later.
   */
  work(signal: AbortSignal, perform: (run: string) => Promise<"done" | "again">): Promise<void>;
}
