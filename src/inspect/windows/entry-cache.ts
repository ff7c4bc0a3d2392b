/** The entries that were read last, so that a settlement's entries need not be read again; others are read by their ids. */

import { compareIds } from "../../model/entry-ids.ts";
import { RecentMap, Turns } from "../../model/recent-map.ts";
import type { Inspector, LogStream } from "../../ports/inspect.ts";
import { type LogEntry, toLogEntry } from "../entries/log-reader.ts";

/** About as many are kept. What lives longer than a young generation of V8's is copied twice: more of them cost more than to read some again. */
const kept = 5_000;
/** A page of a stream from a wanted entry on: those that are settled together lie together. */
const pageSize = 200;

/** `E`: what is kept of an entry. */
export class EntryCache<E extends NonNullable<unknown>> {
  readonly #inspector: Inspector;
  readonly #keep: (entry: LogEntry) => E;
  /** By channel, partition and entry id. */
  readonly #channels = new Map<string, RecentMap<string, E>[]>();
  readonly #turns = new Turns(kept);

  constructor(inspector: Inspector, keep: (entry: LogEntry) => E) {
    this.#inspector = inspector;
    this.#keep = keep;
  }

  /** Gives what is kept of the entry, in place of what was kept of it before. */
  add(entry: LogEntry): E {
    const made = this.#keep(entry);
    this.#stream(entry.channel, entry.partition).add(entry.entryId, made);
    this.#turns.count(1);
    return made;
  }

  /** Forgets the oldest. */
  trim(): void {
    if (!this.#turns.isDue()) return;
    for (const partitions of this.#channels.values()) for (const stream of partitions) stream.turn();
  }

  get(channel: string, partition: number, entryId: string): E | undefined {
    return this.#channels.get(channel)?.[partition]?.get(entryId);
  }

  /** Reads those that are not here; those that are gone are not there afterwards either. @throws {StoreError} */
  async load({ channel, partition }: LogStream, entryIds: readonly string[]): Promise<void> {
    const stream = this.#stream(channel, partition);
    const missing = entryIds.filter((id) => stream.get(id) === undefined).sort(compareIds);
    const wanted = new Set(missing);
    const last = missing.at(-1);
    for (const id of missing) {
      if (last === undefined || !wanted.has(id)) continue;
      const range = { from: id, to: last, reverse: false };
      const page = await this.#inspector.page({ channel, partition }, range, pageSize);
      for (const stored of page)
        if (wanted.delete(stored.entryId)) stream.add(stored.entryId, this.#keep(toLogEntry(stored, partition)));
    }
    this.#turns.count(missing.length);
  }

  #stream(channel: string, partition: number): RecentMap<string, E> {
    const partitions = this.#channels.get(channel) ?? [];
    if (partitions.length === 0) this.#channels.set(channel, partitions);
    while (partitions.length <= partition) partitions.push(new RecentMap());
    return partitions[partition] as RecentMap<string, E>;
  }
}
