/** Reading by cursor on a connection of its own, which waits. */

import { StoreError } from "../../model/errors.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Cursor } from "../../ports/read.ts";
import type { Connection } from "../client/connection.ts";
import { ReadSocket } from "../client/read-socket.ts";
import type { ServerLink } from "./server-link.ts";

export class CursorReader {
  readonly #link: ServerLink;
  readonly #keyOf: (channel: string) => string;
  readonly #connection: Connection;
  readonly #socket: ReadSocket;
  readonly #channels = new Map<string, string>();
  /** Rejects the read under way. */
  #giveUp: ((reason: Error) => void) | undefined;
  #closed: Error | undefined;

  constructor(link: ServerLink, keyOf: (channel: string) => string) {
    this.#link = link;
    this.#keyOf = keyOf;
    this.#connection = link.openReader();
    this.#socket = new ReadSocket(this.#connection, (stream) => this.#channels.get(stream) as string);
  }

  /** True until the read that was last called has ended. Then nothing more can be read here: replies come in the order of the calls. */
  get isReading(): boolean {
    return this.#giveUp !== undefined;
  }

  read(cursors: readonly Cursor[], maxPerChannel: number, blockMs: number): Promise<readonly StoredEntry[]> {
    const streams = cursors.map(({ channel }) => {
      const key = this.#keyOf(channel);
      this.#channels.set(key, channel);
      return key;
    });
    const wait = blockMs > 0 ? ["BLOCK", blockMs] : []; // BLOCK 0 is for ever
    const args = [
      "XREAD",
      "COUNT",
      maxPerChannel,
      ...wait,
      "STREAMS",
      ...streams,
      ...cursors.map(({ after }) => after),
    ];
    const { promise, resolve, reject } = Promise.withResolvers<readonly StoredEntry[]>();
    this.#giveUp = reject;
    this.#ask(args)
      .finally(() => {
        this.#giveUp = undefined;
      })
      .then(resolve, reject);
    return promise;
  }

  close(reason: Error): void {
    this.#closed = reason;
    this.#link.closeReader(this.#connection);
    this.#giveUp?.(reason);
  }

  async #ask(args: readonly (string | number)[]): Promise<readonly StoredEntry[]> {
    await this.#link.opened;
    let entries: readonly StoredEntry[] | undefined;
    try {
      entries = await this.#socket.read(args);
    } catch (error) {
      throw this.#closed ?? this.#link.failed(error);
    }
    if (this.#closed !== undefined) throw this.#closed;
    if (entries === undefined) {
      const lost = new StoreError("a reading connection was lost");
      this.#link.lose(lost);
      throw lost;
    }
    return entries;
  }
}
