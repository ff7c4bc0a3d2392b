/** The turns of maintenance, by the server's clock: one for all processes that do the same in a round. */

import { createHash, randomBytes } from "node:crypto";
import type { MaintenanceTurns } from "../../ports/maintenance-turns.ts";
import type { Connection } from "../client/connection.ts";
import { storeError } from "../client/failures.ts";
import { Outbox } from "../client/outbox.ts";
import type { Keys } from "../keys.ts";
import { scripts } from "./scripts.ts";

/** How long a question waits for Redis, ms: the next one comes anyway. */
const patienceMs = 3_000;

export class RedisMaintenanceTurns implements MaintenanceTurns {
  readonly #outbox: Outbox;
  readonly #keys: Keys;
  readonly #duties: () => string;

  /** The connection stays the caller's. `duties`: what a round of this process would do, in words that are the same in all that do the same. */
  constructor(connection: Connection, keys: Keys, duties: () => string) {
    this.#outbox = new Outbox(connection);
    this.#keys = keys;
    this.#duties = duties;
  }

  async take(everyMs: number): Promise<number> {
    const share = createHash("sha1").update(this.#duties()).digest("base64url").slice(0, 16);
    const args = [everyMs, randomBytes(9).toString("base64url")];
    try {
      const reply = await this.#outbox.send(scripts.maintenanceTurn, [this.#keys.maintenanceTurn(share)], args, {
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
