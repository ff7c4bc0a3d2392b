/** An outside system for tests: it numbers what it says, and tells it again from any number to whoever connects. */

import type { SourceRun } from "../../src/index.ts";
import type { Thing } from "../support/backbone.ts";

export class Outside {
  readonly said: Thing[] = [];
  #told = Promise.withResolvers<void>();
  /** Connections that were opened. */
  connections = 0;

  say(...things: readonly Thing[]): void {
    this.said.push(...things);
    this.#told.resolve();
    this.#told = Promise.withResolvers();
  }

  /** What it says from a number on, until the signal aborts. */
  async *from(first: number, signal: AbortSignal): AsyncGenerator<readonly [number: number, thing: Thing]> {
    this.connections++;
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    for (let n = first; !signal.aborted; n++) {
      while (n >= this.said.length && !signal.aborted) await Promise.race([this.#told.promise, aborted]);
      if (signal.aborted) return;
      yield [n, this.said[n] as Thing];
    }
  }

  /** A run that appends what it says one by one. */
  get run(): SourceRun<Thing> {
    return async ({ position, signal, append }) => {
      const first = position === undefined ? 0 : Number(position) + 1;
      for await (const [n, payload] of this.from(first, signal)) await append([{ payload }], String(n));
    };
  }
}
