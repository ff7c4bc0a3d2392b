/** The entries that a run sends into one partition, gathered into batches, several of them under way at once. */

import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import { maxBatchBytes, maxBatchEntries, maxBatchesInFlight } from "../../model/append-limits.ts";
import type { ReplayedEntry, ReplayTarget } from "../../ports/replay-target.ts";
import type { SendSpan } from "../../ports/tracing.ts";

/** Sends entries into one partition, in order. */
export class Lane {
  readonly #target: ReplayTarget;
  readonly #partition: number;
  readonly #onAppended: (count: number) => void;
  #entries: ReplayedEntry[] = [];
  #spans: SendSpan[] = [];
  #positions = new Map<string, string>();
  #bytes = 0;
  readonly #inFlight = new Set<Promise<void>>();
  /** True where the gathered entries are due, but too many batches are under way. */
  #isDue = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(target: ReplayTarget, partition: number, onAppended: (count: number) => void) {
    this.#target = target;
    this.#partition = partition;
    this.#onAppended = onAppended;
  }

  /** Resolves when there is room for another entry; undefined where there is room. @throws the error of an earlier append */
  add({ channel, entryId }: LogEntry, entry: ReplayedEntry, span: SendSpan): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#entries.push(entry);
    this.#spans.push(span);
    this.#positions.set(channel, entryId);
    for (const value of entry.values) this.#bytes += value.length;
    if (this.#entries.length < maxBatchEntries && this.#bytes < maxBatchBytes) return undefined;
    this.flush();
    return this.#inFlight.size < maxBatchesInFlight ? undefined : Promise.race(this.#inFlight);
  }

  /** Sends the gathered entries at once, or as soon as a batch under way is answered. */
  flush(): void {
    this.#isDue = this.#inFlight.size >= maxBatchesInFlight;
    if (this.#isDue || this.#entries.length === 0 || this.#failure !== undefined) return;
    const [entries, spans, positions] = [this.#entries, this.#spans, this.#positions];
    this.#entries = [];
    this.#spans = [];
    this.#positions = new Map();
    this.#bytes = 0;
    const sent = this.#target.append(this.#partition, { entries, positions }).then(
      (entryIds) => {
        for (let i = 0; i < spans.length; i++) spans[i]?.sent(entryIds[i] ?? "");
        this.#onAppended(entries.length);
      },
      (error: unknown) => {
        for (const span of spans) span.failed(error);
        this.#failure ??= { error };
      },
    );
    const settled = sent.then(() => {
      this.#inFlight.delete(settled);
      if (this.#isDue) this.flush();
    });
    this.#inFlight.add(settled);
  }

  /** Waits for all appends. @throws the error of an append */
  async flushed(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
