/** The server's clock, known to this process without asking: waiting times are then free of the skew between hosts. */

import type { Connection } from "./connection.ts";

/** Interval at which the difference of the clocks is measured, ms. */
const refreshMs = 60_000;

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

  /** Measures the difference. Half of the round trip counts as the way there. */
  async measure(): Promise<void> {
    const sentAt = Date.now();
    const [seconds, micros] = await this.#connection.client.time();
    const serverAt = Number(seconds) * 1_000 + Number(micros) / 1_000;
    this.#offsetMs = serverAt - (sentAt + Date.now()) / 2;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
