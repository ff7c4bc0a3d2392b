/** The client library's client as our connections use it. */

import { Redis } from "ioredis";
import type { Quietly } from "../../ports/tracing.ts";

/**
 * A client whose commands make no spans in the instrumentation of Redis clients, whatever calls them. Those of one turn of the event loop leave
 * in one write: a write of its own for each costs both ends more than many a command.
 */
export class QuietRedis extends Redis {
  quietly: Quietly = (run) => run();
  /** The socket that holds what is written; undefined once the turn has ended. */
  #corked: Redis["stream"] | undefined;

  override connect(callback?: Parameters<Redis["connect"]>[0]): Promise<void> {
    return this.quietly(() => super.connect(callback));
  }

  override sendCommand(...args: Parameters<Redis["sendCommand"]>): unknown {
    this.#gather();
    return this.quietly(() => super.sendCommand(...args));
  }

  /** Holds what is written until the end of the turn. */
  #gather(): void {
    const { stream } = this;
    if (this.status !== "ready" || stream === this.#corked) return;
    this.#corked = stream;
    stream.cork();
    process.nextTick(() => {
      this.#corked = undefined;
      stream.uncork();
    });
  }
}
