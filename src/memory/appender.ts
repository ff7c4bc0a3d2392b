/** Appending in memory: the reference of what the append script does, but for the numbers of a resend. */

import { compareIds } from "../model/entry-ids.ts";
import { wireEntry } from "../model/envelope.ts";
import { PublishError } from "../model/errors.ts";
import type { Appended, Appender, Evicted, NewEntry } from "../ports/append.ts";
import { append, type Entry, keyOf, Refusal, type Stream } from "./keyspace.ts";
import type { Link } from "./link.ts";
import type { MemoryServer } from "./server.ts";
import { evict } from "./settle.ts";

/** An event id that was appended within its channel's window. */
interface Seen {
  readonly entryId: string;
  /** Epoch ms. */
  readonly until: number;
}

export class MemoryAppender implements Appender {
  readonly #server: MemoryServer;
  readonly #link: Link;
  readonly #onEvicted: (evicted: Evicted) => void;

  constructor(server: MemoryServer, link: Link, onEvicted: (evicted: Evicted) => void) {
    this.#server = server;
    this.#link = link;
    this.#onEvicted = onEvicted;
  }

  async append(partition: number, entries: readonly NewEntry[], atomic: boolean): Promise<readonly Appended[]> {
    try {
      return await this.#link.call(() => this.#append(partition, entries, atomic));
    } catch (cause) {
      const outcome = cause instanceof Refusal ? "rejected" : "unknown";
      throw new PublishError(outcome, `the append was not confirmed: ${String(cause)}`, { cause });
    }
  }

  async close(): Promise<void> {
    this.#link.close();
  }

  /** @throws {Refusal} where memory is full: nothing is appended then */
  #append(partition: number, entries: readonly NewEntry[], atomic: boolean): readonly Appended[] {
    this.#server.refuseWhenFull();
    const refusals = atomic ? this.#refusals(partition, entries) : [];
    if (refusals.length > 0) {
      return entries.map((_, i) => ({
        refused:
          refusals.find(({ place }) => place === i)?.reason ?? "another entry of the same publishAll was refused",
      }));
    }
    const appended = entries.map((entry) => this.#appendOne(partition, entry));
    this.#server.changed();
    return appended;
  }

  #refusals(partition: number, entries: readonly NewEntry[]): readonly { place: number; reason: string }[] {
    const more = new Map<string, number>();
    return entries.flatMap(({ channel }, place) => {
      const before = more.get(channel.name) ?? 0;
      more.set(channel.name, before + 1);
      try {
        refuseWhenFull(this.#server.keys.madeStream(keyOf.stream(partition, channel.name)), channel.cap, before);
        return [];
      } catch (refusal) {
        if (refusal instanceof Refusal) return [{ place, reason: refusal.message }];
        throw refusal;
      }
    });
  }

  #appendOne(partition: number, { channel, values }: NewEntry): Appended {
    const now = this.#server.now();
    const [eventId = ""] = values;
    try {
      const stream = this.#server.keys.madeStream(keyOf.stream(partition, channel.name));
      const seen = this.#server.keys.madeHash<Seen>(keyOf.dedupe(partition, channel.name));
      const first = channel.dedupeWindowMs > 0 ? seen.get(eventId) : undefined;
      if (first !== undefined && first.until > now) return { entryId: first.entryId, isRepeat: true };
      refuseWhenFull(stream, channel.cap, 0);
      const entryId = append(stream, wireEntry(values), now);
      if (channel.dedupeWindowMs > 0) seen.set(eventId, { entryId, until: now + channel.dedupeWindowMs });
      if (channel.cap < 0) this.#evict(partition, channel.name, stream, -channel.cap);
      return { entryId, isRepeat: false };
    } catch (refusal) {
      if (refusal instanceof Refusal) return { refused: refusal.message };
      throw refusal;
    }
  }

  #evict(partition: number, channel: string, stream: Stream, cap: number): void {
    const gone = evict(stream, cap);
    const isUnfinished = ({ id }: Entry): boolean =>
      [...stream.groups.values()].some(({ at, pending }) => compareIds(id, at) > 0 || pending.has(id));
    const unfinished = gone.filter(isUnfinished).length;
    if (gone.length > 0) this.#onEvicted({ channel, partition, removed: gone.length, unfinished });
  }
}

function refuseWhenFull(stream: Stream, cap: number, before: number): void {
  if (cap > 0 && stream.entries.length + before >= cap)
    throw new Refusal("the channel is full: it has reached its hard cap");
}
