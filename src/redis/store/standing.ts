/** Where a component's groups stand, and what is in the log: reads only. */

import { isUtf8 } from "node:buffer";
import { compareIds, greatestId } from "../../model/entry-ids.ts";
import { decodeEntry } from "../../model/envelope.ts";
import type { EventRef } from "../../model/event.ts";
import type { DeliveryId, Membership } from "../../ports/store.ts";
import { toRecord, type Verbs } from "./verbs.ts";

export class Standing {
  readonly #verbs: Verbs;

  constructor(verbs: Verbs) {
    this.#verbs = verbs;
  }

  async backlog({ partition, component, channels }: Membership): Promise<{ unread: number; pending: number }> {
    let unread = 0;
    let pending = 0;
    for (const channel of channels) {
      const group = await this.#group(partition, channel, component);
      if (group === undefined) {
        // Not joined yet: whatever is there is unread.
        unread += await this.#isBehind(partition, channel, "0-0");
        continue;
      }
      pending += group.pending;
      // XINFO's lag is null after deletes, and on 7.0 wrong after an AOF was loaded: a look tells whether anything is left, and the
      // lag at best how much.
      const isBehind = await this.#isBehind(partition, channel, group.lastDeliveredId);
      unread += isBehind === 0 ? 0 : Math.max(1, group.lag ?? 1);
    }
    return { unread, pending };
  }

  async isSettled(
    { partition, component }: Membership,
    { channel, entryId }: DeliveryId,
  ): Promise<"acked" | "deadLettered" | undefined> {
    const { client } = this.#verbs;
    const group = await this.#group(partition, channel, component);
    if (group === undefined || compareIds(group.lastDeliveredId, entryId) < 0) return undefined;
    const stream = this.#verbs.keys.stream(partition, channel);
    const pending = await this.#verbs.read("pending deliveries cannot be read", () =>
      client.xpending(stream, component, entryId, entryId, 1),
    );
    if (pending.length > 0) return undefined;
    const dead = this.#verbs.keys.dead(partition, channel, component);
    for (let from = "-"; ; ) {
      const page = await this.#verbs.read("dead letters cannot be read", () =>
        client.xrange(dead, from, "+", "COUNT", 200),
      );
      for (const [, fields] of page)
        if (fields[fields.lastIndexOf("dead-entry") + 1] === entryId) return "deadLettered";
      const last = page.at(-1);
      if (last === undefined || page.length < 200) return "acked";
      from = `(${last[0]}`;
    }
  }

  // Of a stream that is gone itself, its group's members tell.
  async vanished(
    { partition }: Pick<Membership, "partition">,
    entryIds: ReadonlyMap<string, string>,
  ): Promise<readonly string[]> {
    const { client } = this.#verbs;
    const channels: string[] = [];
    for (const [channel, entryId] of entryIds) {
      const stream = this.#verbs.keys.stream(partition, channel);
      const [entry] = await this.#verbs.read("an entry cannot be looked up", () =>
        client.xrange(stream, entryId, entryId),
      );
      if (entry !== undefined) continue;
      const facts = await this.#verbs.read("a stream cannot be looked at", () =>
        client.call("XINFO", "STREAM", stream).catch((error: Error) => {
          if (error.message.includes("no such key")) return [];
          throw error;
        }),
      );
      const { "first-entry": first, "max-deleted-entry-id": deleted } = toRecord(facts as unknown[]);
      if (!Array.isArray(first) || compareIds(String(first[0]), entryId) > 0) continue; // trimmed
      if (compareIds(String(deleted), entryId) < 0) channels.push(channel);
    }
    return channels;
  }

  async holds({ partition }: Membership, { id, channel, entryId }: EventRef): Promise<boolean> {
    const stream = this.#verbs.keys.stream(partition, channel);
    const [entry] = await this.#verbs.read("an entry cannot be looked up", () =>
      this.#verbs.client.xrange(stream, entryId, entryId),
    );
    return entry !== undefined && decodeEntry({ channel, entryId, fields: entry[1] }).id === id;
  }

  async isValidText({ partition }: Membership, { channel, entryId }: DeliveryId): Promise<boolean> {
    const stream = this.#verbs.keys.stream(partition, channel);
    const [entry] = await this.#verbs.read("an entry cannot be read again", () =>
      this.#verbs.client.xrangeBuffer(stream, entryId, entryId),
    );
    return entry === undefined || (entry[1] as Buffer[]).every((bytes) => isUtf8(bytes));
  }

  async #group(
    partition: number,
    channel: string,
    component: string,
  ): Promise<{ pending: number; lag: number | null; lastDeliveredId: string } | undefined> {
    const stream = this.#verbs.keys.stream(partition, channel);
    const rows = (await this.#verbs.read("groups cannot be read", () =>
      this.#verbs.client.call("XINFO", "GROUPS", stream).catch((error: Error) => {
        if (error.message.includes("no such key")) return [];
        throw error;
      }),
    )) as unknown[][];
    for (const row of rows) {
      const group = toRecord(row);
      if (group["name"] !== component) continue;
      const lag = group["lag"];
      return {
        pending: Number(group["pending"]),
        lag: lag === null || lag === undefined ? null : Number(lag),
        lastDeliveredId: String(group["last-delivered-id"]),
      };
    }
    return undefined;
  }

  async #isBehind(partition: number, channel: string, lastDeliveredId: string): Promise<0 | 1> {
    if (lastDeliveredId === greatestId) return 0;
    const stream = this.#verbs.keys.stream(partition, channel);
    const next = await this.#verbs.read("a stream cannot be read", () =>
      this.#verbs.client.xrange(stream, `(${lastDeliveredId}`, "+", "COUNT", 1),
    );
    return next.length === 0 ? 0 : 1;
  }
}
