/** The entries that were read last, so that a settlement's entries need not be read again; others are read by their ids. */

import { compareIds } from "../../model/entry-ids.ts";
import type { Inspector, LogStream } from "../../ports/inspect.ts";
import { type LogEntry, toLogEntry } from "../entries/log-reader.ts";

const maxKept = 20_000;
/** A page of a stream from a wanted entry on: those that are settled together lie together. */
const pageSize = 200;

export class EntryCache {
  readonly #inspector: Inspector;
  readonly #entries = new Map<string, LogEntry>();

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  add(entry: LogEntry): void {
    this.#entries.set(keyOf(entry, entry.entryId), entry);
  }

  /** Forgets the oldest. */
  trim(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= maxKept) return;
      this.#entries.delete(key);
    }
  }

  get(stream: LogStream, entryId: string): LogEntry | undefined {
    return this.#entries.get(keyOf(stream, entryId));
  }

  /** Reads those that are not here; those that are gone are not there afterwards either. @throws {StoreError} */
  async load(stream: LogStream, entryIds: readonly string[]): Promise<void> {
    const missing = entryIds.filter((id) => !this.#entries.has(keyOf(stream, id))).sort(compareIds);
    const wanted = new Set(missing);
    const last = missing.at(-1);
    for (const id of missing) {
      if (last === undefined || !wanted.has(id)) continue;
      const page = await this.#inspector.page(stream, { from: id, to: last, reverse: false }, pageSize);
      for (const stored of page) {
        if (!wanted.delete(stored.entryId)) continue;
        this.#entries.set(keyOf(stream, stored.entryId), toLogEntry(stored, stream.partition));
      }
    }
  }
}

function keyOf({ channel, partition }: LogStream, entryId: string): string {
  return `${channel}/${partition}/${entryId}`;
}
