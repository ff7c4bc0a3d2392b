/** Reads the log from the end of a recording to the end of its range, for the writer. */

import { isUtf8 } from "node:buffer";
import { type LogEntry, toLogEntry } from "../../inspect/entries/log-reader.ts";
import { parseQuery } from "../../inspect/journey/query.ts";
import { compareIds } from "../../model/entry-ids.ts";
import { timeOf } from "../../model/envelope.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { Inspector } from "../../ports/inspect.ts";
import { type LogItem, type MergedStream, mergeLog } from "./log-merge.ts";
import type { RecordedFields, RecordingHeader } from "./recording-format.ts";
import { type PartialRecording, type RecordingWriter, streamOf } from "./recording-writer.ts";

/** The progress of a recording. */
export interface RecordProgress {
  readonly entries: number;
  readonly settlements: number;
  /** Size of the file, bytes. */
  readonly bytes: number;
  /** Epoch ms of the last recorded item, and of the start and end of the range; the end is undefined while the log is followed. */
  readonly at: number;
  readonly fromMs: number;
  readonly toMs: number | undefined;
}

/** The options that concern reading. */
export interface RecorderOptions {
  /** The requested end; without one, settlements up to now are recorded too. */
  readonly to?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RecordProgress) => void;
}

/** Longest time that a line waits for its segment while the log is followed, ms. */
const longestWaitMs = 1_000;
/** The character that replaces bytes that are no UTF-8 in text; valid text may contain it, too. */
const replacement = "\ufffd";

/** Reads the log and gives lines to the writer. */
export class Recorder {
  readonly #inspector: Inspector;
  readonly #header: RecordingHeader;
  readonly #writer: RecordingWriter;
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: RecorderOptions["onProgress"];
  /** True where the settlement log is recorded beyond the last entry. */
  readonly #endsNow: boolean;
  readonly #where: readonly ((entry: LogEntry) => boolean)[];
  /** The last id that was read of each stream, by `streamOf`. */
  readonly #lastIds: Map<string, string>;
  #fromMs = 0;
  #at = 0;

  constructor(
    inspector: Inspector,
    header: RecordingHeader,
    writer: RecordingWriter,
    partial: PartialRecording | undefined,
    options: RecorderOptions,
  ) {
    this.#inspector = inspector;
    this.#header = header;
    this.#writer = writer;
    this.#signal = options.signal;
    this.#onProgress = options.onProgress;
    this.#endsNow = options.to === undefined;
    this.#where = header.where.map((text) => parseQuery(text).matches);
    this.#lastIds = new Map(partial?.lastIds);
  }

  /** Records the range. True when the whole range is recorded. */
  async run(): Promise<boolean> {
    const { to } = this.#header;
    if (to !== null) {
      // The settlements of the last entries are later than the entries.
      await this.#range(to, this.#endsNow ? String(await this.#inspector.now()) : to);
      return !this.#isStopped;
    }
    await this.#follow();
    return true;
  }

  // A getter, because the compiler's flow analysis does not see that a signal can abort during an await.
  get #isStopped(): boolean {
    return this.#signal?.aborted === true;
  }

  /** Records in rounds, each up to the newest entry at its start, so that entries of several channels keep their order. */
  async #follow(): Promise<void> {
    const { channels, partitions, components } = this.#header;
    const follower = this.#inspector.openFollower();
    try {
      while (!this.#isStopped) {
        const newest: string[] = [];
        for (const channel of channels) newest.push(...(await newestOf(this.#inspector, channel, partitions)));
        const last = newest.sort(compareIds).at(-1);
        if (last !== undefined) await this.#range(last, components.length === 0 ? last : "+");
        if (this.#isStopped) return;
        if (this.#writer.waitingMs > longestWaitMs) await this.#writer.write();
        const positions = this.#streams("+", "+")
          .filter(({ kind }) => kind === "entry")
          .map(({ name, partition }) => ({
            stream: { channel: name, partition },
            afterId: this.#lastIds.get(streamOf("entry", name, partition)) ?? beginning(this.#header.from),
          }));
        await follower.next(positions, 1, this.#signal);
      }
    } finally {
      follower.close();
    }
  }

  async #range(to: string, settlementsTo: string): Promise<void> {
    for await (const items of mergeLog(this.#inspector, this.#streams(to, settlementsTo))) {
      for (const item of items) {
        if (this.#writer.isFull) await this.#writer.write();
        if (item.entry === undefined) this.#addSettlement(item);
        else await this.#addEntry(item.entry, item.stream.partition);
      }
      if (this.#isStopped) return;
      this.#tell(to);
    }
  }

  #streams(to: string, settlementsTo: string): readonly MergedStream[] {
    const { channels, components, partitions, from } = this.#header;
    const streams: MergedStream[] = [];
    const add = (kind: MergedStream["kind"], name: string, end: string): void => {
      for (let partition = 0; partition < partitions; partition++) {
        const last = this.#lastIds.get(streamOf(kind, name, partition));
        streams.push({ kind, name, partition, from: last === undefined ? from : `(${last}`, to: end });
      }
    };
    for (const channel of channels) add("entry", channel, to);
    for (const component of components) add("settlement", component, settlementsTo);
    return streams;
  }

  #addSettlement({ stream, settlement }: LogItem): void {
    if (settlement === undefined) return;
    this.#lastIds.set(streamOf("settlement", stream.name, stream.partition), settlement.entryId);
    this.#writer.addSettlement(settlement);
  }

  async #addEntry(entry: StoredEntry, partition: number): Promise<void> {
    const { channel, entryId, fields } = entry;
    this.#lastIds.set(streamOf("entry", channel, partition), entryId);
    this.#at = timeOf(entryId);
    this.#fromMs ||= this.#at;
    if (this.#where.length > 0) {
      const decoded = toLogEntry(entry, partition);
      if (!this.#where.every((matches) => matches(decoded))) return;
    }
    let exact: RecordedFields = { fields };
    if (fields.some((field) => field.includes(replacement))) {
      const bytes = await this.#inspector.fieldBytes({ channel, partition }, entryId);
      if (bytes === undefined) return; // the entry was trimmed since it was read
      if (!bytes.every((one) => isUtf8(one))) exact = { bytes };
    }
    this.#writer.addEntry(channel, partition, entryId, exact);
  }

  #tell(to: string): void {
    if (this.#onProgress === undefined) return;
    const { entries, settlements, size } = this.#writer;
    const fromMs = this.#header.from === "-" ? this.#fromMs : timeOf(this.#header.from.replace("(", ""));
    const toMs = this.#header.to === null ? undefined : timeOf(to);
    this.#onProgress({ entries, settlements, bytes: size, at: this.#at, fromMs, toMs });
  }
}

/** The position after which waiting starts; a position that is too early only costs one more look. */
function beginning(from: string): string {
  if (from === "-") return "0-0";
  return from.startsWith("(") ? from.slice(1) : `${Math.max(0, timeOf(from) - 1)}-0`;
}

/** Reads the id of the newest entry in each partition that has one. */
export async function newestOf(inspector: Inspector, channel: string, partitions: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const [row] = await inspector.page({ channel, partition }, { from: "-", to: "+", reverse: true }, 1);
    if (row !== undefined) ids.push(row.entryId);
  }
  return ids;
}
