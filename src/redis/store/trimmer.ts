/** Trims streams, on a connection of its own that is opened at the first trim. */

import { StoreError } from "../../model/errors.ts";
import type { Retention } from "../../model/retention-policy.ts";
import type { LogStream } from "../../ports/inspect.ts";
import type { Trimmed, Trimmer } from "../../ports/trim.ts";
import type { Connection } from "../client/connection.ts";
import { Outbox, storeError } from "../client/outbox.ts";
import type { Keys } from "../keys.ts";
import { scripts } from "./scripts.ts";

/** Entries that a step looks at one by one. */
const page = 500;
/** How long a step waits for Redis, ms: the next round comes anyway. */
const patienceMs = 3_000;

export class RedisTrimmer implements Trimmer {
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #keys: Keys;

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection;
    this.#outbox = new Outbox(connection);
    this.#keys = keys;
  }

  async trim({ partition, channel }: LogStream, retention: Retention, components: readonly string[]): Promise<Trimmed> {
    const { maxAgeMs = "", maxEntries = "" } = retention;
    const keys = [
      this.#keys.stream(partition, channel),
      this.#keys.trimmed(partition),
      ...components.map((component) => this.#keys.positions(partition, component)),
    ];
    const args = [channel, maxAgeMs, maxEntries, page, ...components];
    try {
      const reply = await this.#outbox.send(scripts.trim, keys, args, { deadlineMs: patienceMs });
      const [removed, hasMore, isHeld] = reply as [number, string, string];
      return { removed: Number(removed), hasMore: hasMore === "1", isHeld: isHeld === "1" };
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw storeError(`channel "${channel}" cannot be trimmed`, error);
    }
  }

  async trimSettlements(partition: number, component: string, beforeId: string): Promise<void> {
    const key = this.#keys.settled(partition, component);
    try {
      await this.#connection.repeat(
        () => this.#connection.client.xtrim(key, "MINID", beforeId),
        AbortSignal.timeout(patienceMs),
      );
    } catch (error) {
      throw storeError(`the settlement log of "${component}" cannot be trimmed`, error);
    }
  }

  close(): void {
    this.#outbox.close();
    this.#connection.close();
  }
}
