/** Keeps the server in possession of the scripts that producers run, as their users may not load any. */

import type { Connection } from "../client/connection.ts";
import { publishingScripts } from "./scripts.ts";

/** How often they are loaded, ms: somebody may have flushed them. The server knows one that it has by its digest. */
const everyMs = 5_000;

export class ScriptKeeper implements Disposable {
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;
  readonly #load = (): void => {
    if (!this.#connection.isReady) return;
    // What fails now is done at the next time; a producer waits for it meanwhile.
    loadPublishingScripts(this.#connection).catch(() => undefined);
  };

  /** Begins at once. */
  constructor(connection: Connection) {
    this.#connection = connection;
    this.#timer = setInterval(this.#load, everyMs).unref();
    connection.client.on("ready", this.#load); // a server that was restarted has none
    this.#load();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#connection.client.off("ready", this.#load);
  }
}

/** Rejects as SCRIPT LOAD does. */
export async function loadPublishingScripts(connection: Connection): Promise<void> {
  await Promise.all(publishingScripts.map((script) => connection.load(script)));
}
