/** Removes a component's groups in Redis. */

import { StoreError } from "../../model/errors.ts";
import type { Retirer } from "../../retention/retirement.ts";
import type { Connection } from "../client/connection.ts";
import { storeError } from "../client/failures.ts";
import { runScript } from "../client/run-script.ts";
import { livingMembers } from "../component-directory.ts";
import type { Keys } from "../keys.ts";
import { scripts } from "./scripts.ts";

/** How long a call waits for a Redis that is away, ms. */
const patienceMs = 5_000;

export class RedisRetirer implements Retirer {
  readonly #connection: Connection;
  readonly #keys: Keys;

  /** The connection stays the caller's. */
  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  async removeGroups(of: Parameters<Retirer["removeGroups"]>[0]): Promise<string | undefined> {
    const { component, partition, channels, isWhole, liveMs } = of;
    const row = this.#keys.owner(partition, component);
    // The row first: who begins after this look at it is not among the members, but changes it.
    const beat = await this.#repeat(component, row, (client) => client.hget(row, "beat"));
    const beats = this.#keys.beats(component);
    const live = await this.#repeat(component, beats, () =>
      livingMembers(this.#connection, this.#keys, component, liveMs),
    );
    if (isWhole && live[0] !== undefined) return live[0];
    const keys = [
      row,
      ...channels.flatMap((channel) => [
        this.#keys.stream(partition, channel),
        this.#keys.attempts(partition, channel, component),
        this.#keys.parked(partition, channel, component),
      ]),
    ];
    const args = [component, isWhole ? "1" : "0", beat ?? "", live.length, ...live, ...channels];
    const reply = await this.#repeat(component, row, () => runScript(this.#connection, scripts.retire, keys, args));
    return reply === "" ? undefined : String(reply);
  }

  async forget(component: string): Promise<void> {
    const [meta, beats] = [this.#keys.meta(), this.#keys.beats(component)];
    await this.#repeat(component, meta, (client) => client.hdel(meta, `component:${component}`));
    await this.#repeat(component, beats, (client) => client.del(beats));
  }

  /** Asks the node that has the key. */
  async #repeat<T>(component: string, key: string, run: (client: Connection["client"]) => Promise<T>): Promise<T> {
    const there = this.#connection.at(key);
    try {
      return await there.repeat(() => run(there.client), AbortSignal.timeout(patienceMs));
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw storeError(`component "${component}" cannot be retired`, error);
    }
  }
}
