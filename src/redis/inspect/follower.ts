/** Waits for new entries at the end of streams, on a connection of its own. */

import { messageOf } from "../../model/error-message.ts";
import { ConfigError, StoreError } from "../../model/errors.ts";
import type { TlsOptions } from "../../model/tls-options.ts";
import type { FollowedEntry, Follower, LogStream, Position } from "../../ports/inspect.ts";
import type { Log } from "../../ports/log.ts";
import type { Quietly } from "../../ports/tracing.ts";
import { Connection, isConnectionLoss, isPassing } from "../client/connection.ts";

/** An entry as Redis returns it; without fields where it was deleted. */
export type Row = [entryId: string, fields: string[] | null];

export interface FollowerOptions {
  readonly url: string;
  readonly tls?: TlsOptions | undefined;
  readonly namespace: string;
  readonly log: Log;
  readonly quietly?: Quietly | undefined;
}

/** Longest blocking read, ms. A socket that is silent for this and a grace is cut and opened again. */
const blockMs = 5_000;
const silenceMs = blockMs + 3_000;

/** Reads entries as they are appended. After a lost reply it repeats the read: the same ids give the same entries. */
export class RedisFollower implements Follower {
  readonly #connection: Connection;
  readonly #keyOf: (stream: LogStream) => string;

  constructor(options: FollowerOptions, keyOf: (stream: LogStream) => string) {
    this.#connection = new Connection({
      url: options.url,
      tls: options.tls,
      log: options.log,
      silenceMs,
      purpose: `follow:${options.namespace}`,
      quietly: options.quietly,
    });
    this.#keyOf = keyOf;
  }

  async next(positions: readonly Position[], max: number, signal?: AbortSignal): Promise<readonly FollowedEntry[]> {
    const streamOf = new Map(positions.map(({ stream }) => [this.#keyOf(stream), stream]));
    const ids = positions.map((position) => position.afterId);
    const stop = (): void => this.close();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      for (;;) {
        try {
          await this.#connection.ready(signal);
          const args = ["COUNT", String(max), "BLOCK", String(blockMs), "STREAMS", ...streamOf.keys(), ...ids];
          const reply = (await this.#connection.client.call("XREAD", ...args)) as [string, Row[]][] | null;
          return (reply ?? []).flatMap(([key, rows]) => toFollowed(streamOf.get(key), rows));
        } catch (error) {
          if (signal?.aborted === true) return [];
          if (error instanceof ConfigError || error instanceof StoreError) throw error;
          if (isPassing(error)) await this.#connection.pass(error);
          else if (!isConnectionLoss(error))
            throw new StoreError(`Redis refuses XREAD: ${messageOf(error)}`, {
              cause: error,
            });
        }
      }
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  close(): void {
    this.#connection.close();
  }
}

function toFollowed(stream: LogStream | undefined, rows: readonly Row[]): readonly FollowedEntry[] {
  if (stream === undefined) return [];
  const { channel, partition } = stream;
  return rows.map(([entryId, fields]) => ({ channel, partition, entryId, fields: fields ?? [] }));
}
