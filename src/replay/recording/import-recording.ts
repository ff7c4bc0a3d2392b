/** `importRecording`: appends the entries of a recording, byte for byte, at the recorded pace or another. */

import { maxBatchBytes, maxBatchEntries, maxBatchesInFlight } from "../../model/append-limits.ts";
import { timeOf } from "../../model/envelope.ts";
import { ConfigError, RecordingError } from "../../model/errors.ts";
import type { Speed } from "../../model/speed.ts";
import type { ExactAppender, ExactEntry } from "../../ports/exact-append.ts";
import { partitionOf } from "../../publish/placement.ts";
import { accessTo } from "../log-access.ts";
import { Pace } from "../source/pacing.ts";
import type { RecordedLine, Recording } from "./recording-reader.ts";

/** The options of an import. */
export interface ImportOptions {
  /** Pace of the import. Default `original`. */
  readonly speed?: Speed;
  /** Ends the import early, after the appends under way. */
  readonly signal?: AbortSignal;
  /** Called as entries are appended, with their number, and the last line up to which everything was appended. */
  readonly onProgress?: (entries: number, line: number) => void;
}

/** The result of an import. */
export interface ImportReport {
  /** Number of entries that were appended. */
  readonly entries: number;
  /** The last line of the file up to which everything was appended; 0 where nothing was. */
  readonly line: number;
  /** False where the import ended early. */
  readonly isComplete: boolean;
}

/** Most values that a script can pass to one command. */
const maxFields = 7_000;

/**
 * Appends the entries under new ids and otherwise unchanged, each to the channel of its name, or all to `into`. Entries keep their
 * partitions where the namespace has as many as the recorded one; otherwise their keys decide, as for a publish. Settlements are not
 * imported, because they belong to components of the recorded namespace.
 * @throws {ConfigError} when `into` would mix several channels
 * @throws {PublishError} when Redis does not answer in time, or refuses
 */
export async function importRecording(
  backbone: object,
  recording: Recording,
  options: ImportOptions & { readonly into?: string } = {},
): Promise<ImportReport> {
  const { into, speed = "original", signal, onProgress = () => undefined } = options;
  const { openExactAppender } = accessTo(backbone);
  if (openExactAppender === undefined) throw new ConfigError("an observer only reads: importing takes a backbone");
  const pace = new Pace(speed);
  if (into !== undefined && recording.channels.length > 1) {
    throw new ConfigError(
      `the recording has ${recording.channels.length} channels, ${recording.channels.join(", ")}: imported into "${into}" alone ` +
        "their events could not be told apart. Without a channel each goes into the one of its name",
    );
  }
  const appender = openExactAppender(into === undefined ? recording.channels : [into]);
  const lanes = new Lanes(appender, onProgress);
  try {
    const partitions = await appender.partitions();
    for await (const line of recording.lines(signal)) {
      if (line.kind !== "entry") continue;
      const at = timeOf(line.entry.entryId);
      if (pace.waitMs(at) > 0) {
        lanes.flush();
        await pace.due(at, signal);
      }
      if (signal?.aborted === true) break;
      const fields = line.bytes ?? line.entry.fields;
      if (fields.length > maxFields) {
        throw new RecordingError(
          recording.path,
          line.line,
          `an entry of ${fields.length / 2} fields cannot be appended`,
        );
      }
      const partition =
        recording.header.partitions === partitions ? line.entry.partition : partitionFor(line, partitions);
      const room = lanes.add(partition, { channel: into ?? line.entry.channel, fields }, line.line);
      if (room !== undefined) await room;
    }
    await lanes.flushed();
    return { entries: lanes.entries, line: lanes.line, isComplete: signal?.aborted !== true };
  } catch (error) {
    await lanes.flushed().catch(() => undefined); // only the first failure is thrown
    throw error;
  } finally {
    appender.close();
  }
}

function partitionFor({ entry }: Extract<RecordedLine, { kind: "entry" }>, partitions: number): number {
  // An entry that is no event has neither key nor id, and keeps its partition as far as there is one.
  if (entry.envelope === undefined) return entry.partition % partitions;
  return partitionOf(entry.envelope.key || entry.envelope.id, partitions);
}

interface Batch {
  readonly entries: ExactEntry[];
  readonly firstLine: number;
  bytes: number;
}

/** Gathers entries by partition and keeps several appends of them under way. */
class Lanes {
  readonly #appender: ExactAppender;
  readonly #onProgress: (entries: number, line: number) => void;
  readonly #batches = new Map<number, Batch>();
  readonly #inFlight = new Set<Promise<void>>();
  /** Batches gathered or under way, in the order of their first lines. */
  readonly #unfinished = new Set<Batch>();
  #lastLine = 0;
  #failure: { readonly error: unknown } | undefined;
  /** Number of entries appended so far. */
  entries = 0;
  /** The last line up to which everything was appended. */
  line = 0;

  constructor(appender: ExactAppender, onProgress: (entries: number, line: number) => void) {
    this.#appender = appender;
    this.#onProgress = onProgress;
  }

  /** Resolves when there is room for another entry; undefined where there is room. @throws the error of an earlier append */
  add(partition: number, entry: ExactEntry, line: number): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    let batch = this.#batches.get(partition);
    if (batch === undefined) {
      batch = { entries: [], firstLine: line, bytes: 0 };
      this.#batches.set(partition, batch);
      this.#unfinished.add(batch);
    }
    batch.entries.push(entry);
    this.#lastLine = line;
    for (const field of entry.fields) batch.bytes += field.length;
    if (batch.entries.length < maxBatchEntries && batch.bytes < maxBatchBytes) return undefined;
    this.#send(partition, batch);
    return this.#inFlight.size < maxBatchesInFlight ? undefined : Promise.race(this.#inFlight);
  }

  /** Sends the gathered entries. */
  flush(): void {
    for (const [partition, batch] of this.#batches) this.#send(partition, batch);
  }

  /** Sends the gathered entries and waits for all appends. @throws the error of an append */
  async flushed(): Promise<void> {
    this.flush();
    await Promise.all(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #send(partition: number, batch: Batch): void {
    this.#batches.delete(partition);
    if (this.#failure !== undefined) return;
    const sent = this.#appender.append(partition, batch.entries).then(
      () => {
        this.entries += batch.entries.length;
        this.#unfinished.delete(batch);
        const [oldest] = this.#unfinished;
        this.line = oldest === undefined ? this.#lastLine : oldest.firstLine - 1;
        this.#onProgress(this.entries, this.line);
      },
      (error: unknown) => {
        this.#failure ??= { error };
      },
    );
    const settled = sent.then(() => void this.#inFlight.delete(settled));
    this.#inFlight.add(settled);
  }
}
