/** Trims streams, on a connection of its own that is opened at the first trim. */

import { StoreError } from "../../model/errors.ts";
import type { Retention } from "../../model/retention-policy.ts";
import type { LogStream } from "../../ports/inspect.ts";
import type { Surveyed, Trimmed, Trimmer } from "../../ports/trim.ts";
import type { Connection } from "../client/connection.ts";
import { storeError } from "../client/failures.ts";
import { Outbox } from "../client/outbox.ts";
import type { ScriptArgs } from "../client/script-command.ts";
import type { Keys } from "../keys.ts";
import type { Script } from "../script-source.ts";
import { scripts } from "./scripts.ts";

/** Entries that a step looks at one by one. */
const page = 500;
/** Channels that one script looks at. */
const surveyPage = 500;
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

  async survey(
    partition: number,
    channels: readonly (readonly [channel: string, retention: Retention])[],
  ): Promise<ReadonlyMap<string, Surveyed>> {
    const surveyed = new Map<string, Surveyed>();
    for (let first = 0; first < channels.length; first += surveyPage) {
      const some = channels.slice(first, first + surveyPage);
      const keys = some.map(([channel]) => this.#keys.stream(partition, channel));
      const args = some.flatMap(([, { maxAgeMs = "", maxEntries = "" }]) => [maxAgeMs, maxEntries]);
      const reply = await this.#send("channels cannot be looked at", scripts.trimmable, keys, args);
      (reply as string[]).forEach((text, i) => {
        const isTrimmable = text.startsWith("!");
        const oldestId = isTrimmable ? text.slice(1) : text;
        if (oldestId !== "") surveyed.set(some[i]?.[0] as string, { oldestId, isTrimmable });
      });
    }
    return surveyed;
  }

  async trim({ partition, channel }: LogStream, retention: Retention, components: readonly string[]): Promise<Trimmed> {
    const { maxAgeMs = "", maxEntries = "" } = retention;
    const keys = [
      this.#keys.stream(partition, channel),
      this.#keys.trimmed(partition),
      ...components.flatMap((component) => [
        this.#keys.owner(partition, component),
        this.#keys.parked(partition, channel, component),
      ]),
    ];
    const args = [channel, maxAgeMs, maxEntries, page, ...components];
    const reply = await this.#send(`channel "${channel}" cannot be trimmed`, scripts.trim, keys, args);
    const [removed, hasMore, isHeld] = reply as [number, string, string];
    return { removed: Number(removed), hasMore: hasMore === "1", isHeld: isHeld === "1" };
  }

  async trimSettlements(partition: number, component: string, beforeId: string): Promise<void> {
    const key = this.#keys.settled(partition, component);
    try {
      const there = this.#connection.at(key);
      await there.repeat(() => there.client.xtrim(key, "MINID", beforeId), AbortSignal.timeout(patienceMs));
    } catch (error) {
      throw storeError(`the settlement log of "${component}" cannot be trimmed`, error);
    }
  }

  async #send(failing: string, script: Script, keys: readonly string[], args: ScriptArgs): Promise<unknown> {
    try {
      return await this.#outbox.send(script, keys, args, { deadlineMs: patienceMs });
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw storeError(failing, error);
    }
  }

  close(): void {
    this.#outbox.close();
    this.#connection.close();
  }
}
