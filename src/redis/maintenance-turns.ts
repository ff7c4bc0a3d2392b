/** The turns of maintenance, by the server's clock. */

import { randomBytes } from "node:crypto";
import type { MaintenanceTurns } from "../schedule/maintenance.ts";
import type { Connection } from "./connections.ts";
import type { Keys } from "./keys.ts";
import { Outbox, storeError } from "./outbox.ts";
import { scripts } from "./scripts.ts";

/** How long a question waits for Redis, ms: the next one comes anyway. */
const patienceMs = 3_000;

export class RedisMaintenanceTurns implements MaintenanceTurns {
  readonly #outbox: Outbox;
  readonly #keys: Keys;

  /** The connection stays the caller's. */
  constructor(connection: Connection, keys: Keys) {
    this.#outbox = new Outbox(connection);
    this.#keys = keys;
  }

  async take(everyMs: number): Promise<number> {
    const args = [everyMs, randomBytes(9).toString("base64url")];
    try {
      const reply = await this.#outbox.send(scripts.maintenanceTurn, [this.#keys.maintenanceTurn()], args, {
        deadlineMs: patienceMs,
      });
      return Number(reply);
    } catch (error) {
      throw storeError("the turn of maintenance cannot be asked for", error);
    }
  }

  close(): void {
    this.#outbox.close();
  }
}
