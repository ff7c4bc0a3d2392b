/**
 * Reads pages of streams with the read loop's decoder: the client's own takes several times as long
 * (docs/performance.md).
 */

import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Connection } from "../client/connection.ts";
import { ReadSocket } from "../client/read-socket.ts";

/** Reads pages on a connection of its own, on a cluster one for each node's, one page at a time. */
export class RangeReader {
  readonly connection: Connection;
  /** One for each node's connection. */
  readonly #sockets = new Map<Connection, ReadSocket>();
  readonly #channels = new Map<string, string>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /**
   * Reads at most `max` entries after an id, oldest first. Undefined: the connection was lost meanwhile.
   * @throws the server's error reply
   * @throws {StoreError} when the connection is closed
   */
  after(stream: string, channel: string, afterId: string, max: number): Promise<readonly StoredEntry[] | undefined> {
    this.#channels.set(stream, channel);
    const socket = this.#socketOf(this.connection.at(stream));
    const read = () => socket.read(["XREAD", "COUNT", max, "STREAMS", stream, afterId]);
    const page = this.#last.then(read, read);
    this.#last = page;
    return page;
  }

  #socketOf(connection: Connection): ReadSocket {
    let socket = this.#sockets.get(connection);
    if (socket === undefined) {
      socket = new ReadSocket(connection, (stream) => this.#channels.get(stream) as string);
      this.#sockets.set(connection, socket);
    }
    return socket;
  }

  close(): void {
    this.connection.close();
  }
}
