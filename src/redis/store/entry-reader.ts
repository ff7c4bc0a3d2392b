/** A read loop's own blocking connection. */

import type { StoredEntry } from "../../model/stored-entry.ts";
import type { EntryReader, Membership } from "../../ports/store.ts";
import { type Connection, isPassing } from "../client/connection.ts";
import { ReadSocket } from "../client/read-socket.ts";
import type { Keys } from "../keys.ts";

export class RedisEntryReader implements EntryReader {
  readonly #connection: Connection;
  readonly #socket: ReadSocket;
  readonly #membership: Membership;
  readonly #streams: readonly string[];
  readonly #newOnly: readonly string[];

  constructor(connection: Connection, keys: Keys, membership: Membership) {
    this.#connection = connection;
    this.#membership = membership;
    this.#streams = membership.channels.map((channel) => keys.stream(membership.partition, channel));
    this.#newOnly = membership.channels.map(() => ">");
    const channelOf = new Map(this.#streams.map((stream, i) => [stream, membership.channels[i] as string]));
    this.#socket = new ReadSocket(connection, (stream) => channelOf.get(stream) as string);
  }

  get losses(): number {
    return this.#connection.losses;
  }

  async readNew(maxPerChannel: number, blockMs: number): Promise<readonly StoredEntry[]> {
    const args = ["COUNT", maxPerChannel, "BLOCK", blockMs, "STREAMS", ...this.#streams, ...this.#newOnly];
    return (await this.#read(args)) ?? [];
  }

  async readOwnPending(channel: string, afterId: string, max: number): Promise<readonly StoredEntry[]> {
    const stream = this.#streams[this.#membership.channels.indexOf(channel)] as string;
    for (;;) {
      // A server that asks for time has not said that nothing is pending: who took it for that would read on past it.
      const page = await this.#read(["COUNT", max, "STREAMS", stream, afterId]);
      if (page !== undefined) return page;
    }
  }

  close(): void {
    this.#connection.close();
  }

  // A read whose connection broke is not sent again: Redis may have delivered entries to it that never arrived, and the second
  // read would get the ones after them. It counts as empty, and `losses` tells the loop to page through its own pending. Undefined: the
  // server will take commands later.
  async #read(args: readonly (string | number)[]): Promise<readonly StoredEntry[] | undefined> {
    try {
      const { component, member } = this.#membership;
      const entries = (await this.#socket.read(["XREADGROUP", "GROUP", component, member, ...args])) ?? [];
      this.#connection.wrote();
      return entries;
    } catch (error) {
      if (!isPassing(error)) throw error;
      await this.#connection.pass(error);
      return undefined;
    }
  }
}
