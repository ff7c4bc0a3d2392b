/** Waits for new entries at the end of streams, on a connection of its own. */

import { messageOf } from "../../model/error-message.ts";
import { ConfigError, StoreError } from "../../model/errors.ts";
import type { FollowedEntry, Follower, LogStream, Position } from "../../ports/inspect.ts";
import type { Log } from "../../ports/log.ts";
import type { Quietly } from "../../ports/tracing.ts";
import { Connection } from "../client/connection.ts";
import { isConnectionLoss, isPassing } from "../client/failures.ts";
import type { Topology } from "../client/topology.ts";
import { Keys } from "../keys.ts";

/** An entry as Redis returns it; without fields where it was deleted. */
export type Row = [entryId: string, fields: string[] | null];

export interface FollowerOptions {
  readonly topology: Topology;
  readonly namespace: string;
  readonly log: Log;
  readonly quietly?: Quietly | undefined;
}

/** Longest blocking read, ms. A socket that is silent for this and a grace is cut and opened again. */
const blockMs = 5_000;
const silenceMs = blockMs + 3_000;

/** A read under way at one node. */
interface Read {
  /** Its command's arguments: a read of the same answers the same. */
  readonly text: string;
  readonly found: Promise<readonly FollowedEntry[]>;
}

/**
 * Reads entries as they are appended. After a lost reply it repeats the read: the same ids give the same entries. On a cluster there is a read
 * for each slot, and the first that finds something answers; the others stay under way for the next call.
 */
export class RedisFollower implements Follower {
  readonly #connection: Connection;
  readonly #keyOf: (stream: LogStream) => string;
  readonly #reads = new Map<Connection, Read>();

  constructor(options: FollowerOptions, keyOf: (stream: LogStream) => string) {
    const { topology, log, namespace, quietly } = options;
    this.#connection = new Connection({
      topology,
      key: new Keys(namespace).tag(0),
      log,
      silenceMs,
      purpose: `follow:${namespace}`,
      quietly,
    });
    this.#keyOf = keyOf;
  }

  async next(positions: readonly Position[], max: number, signal?: AbortSignal): Promise<readonly FollowedEntry[]> {
    const stop = (): void => this.close();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const places = Map.groupBy(positions, ({ stream }) => this.#connection.at(this.#keyOf(stream)));
      return await Promise.race([...places].map(([connection, here]) => this.#found(connection, here, max, signal)));
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  close(): void {
    this.#connection.close();
  }

  /** What the read at this node finds; a new one where none is under way. */
  async #found(
    connection: Connection,
    positions: readonly Position[],
    max: number,
    signal: AbortSignal | undefined,
  ): Promise<readonly FollowedEntry[]> {
    const streamOf = new Map(positions.map(({ stream }) => [this.#keyOf(stream), stream]));
    const ids = positions.map((position) => position.afterId);
    const args = ["COUNT", String(max), "BLOCK", String(blockMs), "STREAMS", ...streamOf.keys(), ...ids];
    const text = args.join(" ");
    let read = this.#reads.get(connection);
    if (read !== undefined && read.text !== text) await read.found; // of positions that are past: replies come in order
    if (read?.text !== text) {
      read = { text, found: this.#read(connection, streamOf, args, signal) };
      this.#reads.set(connection, read);
    }
    try {
      return await read.found;
    } finally {
      if (this.#reads.get(connection) === read) this.#reads.delete(connection);
    }
  }

  async #read(
    connection: Connection,
    streamOf: ReadonlyMap<string, LogStream>,
    args: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<readonly FollowedEntry[]> {
    for (;;) {
      try {
        await connection.ready(signal);
        const reply = (await connection.client.call("XREAD", ...args)) as [string, Row[]][] | null;
        return (reply ?? []).flatMap(([key, rows]) => toFollowed(streamOf.get(key), rows));
      } catch (error) {
        if (signal?.aborted === true) return [];
        if (error instanceof ConfigError || error instanceof StoreError) throw error;
        if (isPassing(error)) await connection.pass(error);
        else if (!isConnectionLoss(error))
          throw new StoreError(`Redis refuses XREAD: ${messageOf(error)}`, {
            cause: error,
          });
      }
    }
  }
}

function toFollowed(stream: LogStream | undefined, rows: readonly Row[]): readonly FollowedEntry[] {
  if (stream === undefined) return [];
  const { channel, partition } = stream;
  return rows.map(([entryId, fields]) => ({ channel, partition, entryId, fields: fields ?? [] }));
}
