/** Questions from outside about a component: they are asked until the answer has come, whoever owns its slices. */

import { setTimeout as delay } from "node:timers/promises";
import { StoreError } from "../../model/errors.ts";
import type { EventRef } from "../../model/event.ts";
import type { Finished } from "../../ports/slice-store.ts";
import type { Keys } from "../keys.ts";
import { sliceScripts } from "./scripts.ts";
import type { ServerLink } from "./server-link.ts";

/** How often the server is asked, ms. */
const askEveryMs = 20;
/** Dead letters that one call reads. */
const lettersPage = 200;

export class ComponentQueries {
  readonly #names: Keys;
  readonly #partitions: () => number;
  readonly #relays: boolean;
  readonly #link: (key: string) => ServerLink;

  constructor(names: Keys, partitions: () => number, relays: boolean, link: (key: string) => ServerLink) {
    this.#names = names;
    this.#partitions = partitions;
    this.#relays = relays;
    this.#link = link;
  }

  async whenFinished(component: string, ref: EventRef, signal: AbortSignal): Promise<Finished> {
    const { channel, entryId } = ref;
    const partition = await this.#partitionOf(signal, ref);
    const row = this.#names.owner(partition, component);
    const keys = [row, this.#names.parked(partition, channel, component)];
    await this.#until(
      row,
      signal,
      async (link) => (await link.run(sliceScripts.finished, keys, [channel, entryId])) === 1 || undefined,
    );
    const dead = this.#names.dead(partition, channel, component);
    return this.#until(dead, signal, (link) => this.#endOf(link, dead, entryId));
  }

  async whenIdle(component: string, channels: readonly string[], signal: AbortSignal): Promise<void> {
    const isIdle = async (link: ServerLink, partition: number): Promise<boolean> => {
      const keys = channels.flatMap((channel) => [
        this.#names.stream(partition, channel),
        this.#names.parked(partition, channel, component),
      ]);
      const others = Array.from({ length: this.#relays ? this.#partitions() : 0 }, (_, to) => to);
      const relays = others.filter((to) => to !== partition);
      const all = [
        this.#names.owner(partition, component),
        ...keys,
        ...relays.map((to) => this.#names.relay(partition, component, to)),
      ];
      return (await link.run(sliceScripts.idle, all, [channels.length, ...channels, ...relays])) === 1;
    };
    // All at one look: an event of one partition may have become one of another meanwhile.
    for (let isAll = false; !isAll; ) {
      isAll = true;
      for (let partition = 0; partition < this.#partitions(); partition++) {
        const row = this.#names.owner(partition, component);
        let looks = 0;
        await this.#until(row, signal, async (link) => {
          looks++;
          return (await isIdle(link, partition)) || undefined;
        });
        if (looks > 1) isAll = false;
      }
    }
  }

  /** The partition whose log has the event. @throws {StoreError} when none has */
  async #partitionOf(signal: AbortSignal, { id, channel, entryId }: EventRef): Promise<number> {
    for (let partition = 0; partition < this.#partitions(); partition++) {
      const stream = this.#names.stream(partition, channel);
      const entries = await this.#until(stream, signal, (link) => link.client.xrange(stream, entryId, entryId));
      const [name, written] = entries[0]?.[1] ?? ["id"];
      if (entries[0] !== undefined && (name !== "id" || written === id)) return partition;
    }
    throw new StoreError(`event ${id} is not in the log of "${channel}" as ${entryId}`);
  }

  async #endOf(link: ServerLink, dead: string, entryId: string): Promise<Finished> {
    for (let from = "-"; ; ) {
      const page = await link.client.xrange(dead, from, "+", "COUNT", lettersPage);
      for (const [, fields] of page)
        if (fields[fields.lastIndexOf("dead-entry") + 1] === entryId) return "deadLettered";
      const last = page.at(-1);
      if (last === undefined || page.length < lettersPage) return "acked";
      from = `(${last[0]}`;
    }
  }

  /** Resolves with the first answer that is not undefined, over as many links as that takes. */
  async #until<T>(key: string, signal: AbortSignal, ask: (link: ServerLink) => Promise<T | undefined>): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      const link = this.#link(key);
      try {
        await raced(link.opened, signal);
        const answer = await ask(link);
        if (answer !== undefined) return answer;
      } catch (error) {
        signal.throwIfAborted();
        const failure = link.failed(error);
        if (!link.isLost) throw failure;
      }
      await raced(delay(askEveryMs), signal);
    }
  }
}

/** Rejects with the signal's reason when that aborts first. */
async function raced(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
