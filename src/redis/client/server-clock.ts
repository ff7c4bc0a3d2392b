/** The server's clock, known to this process without asking: waiting times are then free of the skew between hosts. */

import type { Connection } from "./connection.ts";

/** Interval at which the difference of the clocks is measured, ms. */
const refreshMs = 60_000;
/** Round trips of a measurement, at most. One of less than `quickMs` is good enough. */
const maxSamples = 5;
const quickMs = 0.5;

export class ServerClock implements Disposable {
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;
  /** Server's time minus ours, ms. */
  #offsetMs = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
    // While Redis is away the last difference stays in use.
    this.#timer = setInterval(() => this.measure().catch(() => undefined), refreshMs).unref();
  }

  /** Epoch ms on the server's clock. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /**
   * Measures the difference. Half of a round trip counts as the way there, which is wrong by at most that half: so the quickest of a few
   * counts, as a process that has just begun, or is busy, reads some replies late.
   */
  async measure(): Promise<void> {
    let shortestMs = Number.POSITIVE_INFINITY;
    for (let sample = 0; sample < maxSamples && shortestMs > quickMs; sample++) {
      const sentAt = performance.now();
      const [seconds, micros] = await this.#connection.client.time();
      const tripMs = performance.now() - sentAt;
      if (tripMs >= shortestMs) continue;
      shortestMs = tripMs;
      this.#offsetMs = Number(seconds) * 1_000 + Number(micros) / 1_000 + tripMs / 2 - Date.now();
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
