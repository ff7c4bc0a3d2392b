/**
 * Writes a recording in segments, each of them lines and a checkpoint, appended in one write. Because only segments are written, an
 * interrupted recording ends with a whole segment or with a piece of one, which can be cut off.
 */

import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { messageOf } from "../../model/error-message.ts";
import { RecordingError } from "../../model/errors.ts";
import { type Compression, compressed, compressionOf, sniffCompression, wholeBytes } from "./compression.ts";
import {
  entryLine,
  entryPrefix,
  headerLine,
  type RecordedFields,
  type RecordingHeader,
  type SettlementLine,
  settlementLine,
  tallyLine,
} from "./recording-format.ts";
import { refuse, scan, scannerOf } from "./recording-reader.ts";

/** Characters of lines after which a segment is written. */
const segmentLength = 1_048_576;

/** The key of a stream in `PartialRecording.lastIds`. */
export function streamOf(kind: "entry" | "settlement", name: string, partition: number): string {
  return `${kind} ${partition} ${name}`;
}

/** A recording that an earlier call left. */
export interface PartialRecording {
  readonly header: RecordingHeader;
  /** True where the recording needs no continuation. */
  readonly isComplete: boolean;
  readonly entries: number;
  readonly settlements: number;
  /** The last recorded id of each stream, by `streamOf`. */
  readonly lastIds: ReadonlyMap<string, string>;
  /** Cuts off the piece after the last whole segment, and opens the file for more. */
  resume(): Promise<RecordingWriter>;
}

/**
 * Reads what an earlier call left; undefined where there is not even a header.
 * @throws {RecordingError} when the file is no recording, or is damaged before its end
 */
export async function findPartial(path: string, maxLineBytes?: number): Promise<PartialRecording | undefined> {
  const file = await open(path, "r+").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw new RecordingError(path, undefined, `it cannot be continued: ${cause.message}`, { cause });
  });
  if (file === undefined) return undefined;
  try {
    const compression = await sniffCompression(file);
    const whole = compression === "none" ? undefined : await wholeBytes(file, compression);
    if (compression !== "none" && whole === undefined) {
      const reason = "it was compressed by another program and cannot be continued: uncompress it, and continue that";
      throw new RecordingError(path, undefined, reason);
    }
    if (await hasNoHeader(file, whole)) return undefined;
    const scanner = scannerOf(path, refuse, { onEnding: () => undefined, maxLineBytes });
    const lastIds = new Map<string, string>();
    for await (const page of scan(path, scanner, whole)) {
      for (const line of page) {
        if (line.kind === "entry") {
          const { channel, partition, entryId } = line.entry;
          lastIds.set(streamOf("entry", channel, partition), entryId);
        } else {
          const { component, partition, entryId } = line.settlement;
          lastIds.set(streamOf("settlement", component, partition), entryId);
        }
      }
    }
    const { entries, settlements, isComplete, hash } = scanner;
    const size = whole ?? scanner.wholeBytes;
    return {
      header: scanner.header as RecordingHeader, // the scan fails without a header
      isComplete,
      entries,
      settlements,
      lastIds,
      resume: () => RecordingWriter.resume(path, { size, compression, hash, entries, settlements }),
    };
  } finally {
    await file.close();
  }
}

/** Tells whether the file holds less than its first line, as after a disk that was full from the start. */
async function hasNoHeader(file: FileHandle, whole: number | undefined): Promise<boolean> {
  if (whole !== undefined) return whole === 0;
  const { bytesRead, buffer } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, 0);
  const head = buffer.toString("latin1", 0, bytesRead);
  return bytesRead < headerBytes && !head.includes("\n") && headerBegin.startsWith(head.slice(0, headerBegin.length));
}

const headerBytes = 65_536;
const headerBegin = '{"throughline":"recording"';

interface Begun {
  readonly size: number;
  readonly compression: Compression;
  readonly hash: Hash;
  readonly entries: number;
  readonly settlements: number;
}

/** An open file of a recording. */
export class RecordingWriter {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #compression: Compression;
  readonly #hash: Hash;
  readonly #prefixes = new Map<string, string>();
  /** Number of bytes in whole segments. */
  #size: number;
  /** Lines of the current segment, and their characters. */
  #lines: string[] = [];
  #length = 0;
  /** Resolves when the previous segment is written. */
  #writing: Promise<void> = Promise.resolve();
  #writtenAt = performance.now();
  #entries: number;
  #settlements: number;

  private constructor(path: string, file: FileHandle, begun: Begun) {
    this.path = path;
    this.#file = file;
    this.#compression = begun.compression;
    this.#hash = begun.hash;
    this.#size = begun.size;
    this.#entries = begun.entries;
    this.#settlements = begun.settlements;
  }

  /** Starts a recording. @throws {RecordingError} when the file exists */
  static async create(path: string, header: RecordingHeader, mayExist = false): Promise<RecordingWriter> {
    const file = await open(path, mayExist ? "w" : "wx").catch((cause: NodeJS.ErrnoException) => {
      const reason =
        cause.code === "EEXIST"
          ? "it is there already and was left as it is: --continue goes on with a partial recording"
          : `it cannot be written: ${cause.message}`;
      throw new RecordingError(path, undefined, reason, { cause });
    });
    const begun = { size: 0, compression: compressionOf(path), hash: createHash("sha256"), entries: 0, settlements: 0 };
    const writer = new RecordingWriter(path, file, begun);
    writer.#add(headerLine(header));
    return writer;
  }

  static async resume(path: string, begun: Begun): Promise<RecordingWriter> {
    const file = await open(path, "r+");
    await file.truncate(begun.size);
    return new RecordingWriter(path, file, begun);
  }

  get entries(): number {
    return this.#entries;
  }

  get settlements(): number {
    return this.#settlements;
  }

  /** Size of the file so far, bytes. */
  get size(): number {
    return this.#size;
  }

  /** True where the segment is full, so that `write` must be called before more is added. */
  get isFull(): boolean {
    return this.#length >= segmentLength;
  }

  /** Longest time that a line may have waited, ms. */
  get waitingMs(): number {
    return this.#lines.length === 0 ? 0 : performance.now() - this.#writtenAt;
  }

  addEntry(channel: string, partition: number, entryId: string, fields: RecordedFields): void {
    const stream = streamOf("entry", channel, partition);
    let prefix = this.#prefixes.get(stream);
    if (prefix === undefined) {
      prefix = entryPrefix(channel, partition);
      this.#prefixes.set(stream, prefix);
    }
    this.#add(entryLine(prefix, entryId, fields));
    this.#entries++;
  }

  addSettlement(settlement: SettlementLine): void {
    this.#add(settlementLine(settlement));
    this.#settlements++;
  }

  /** Starts writing the segment; resolves when the previous one is written. @throws {RecordingError} when the previous one failed */
  async write(): Promise<void> {
    if (this.#lines.length > 0) await this.#segment("checkpoint");
  }

  /** Writes the remaining lines. `isComplete`: with the line that marks the recording as whole. @throws {RecordingError} when the disk fails */
  async close(isComplete: boolean): Promise<void> {
    try {
      if (isComplete) await this.#segment("end");
      else await this.write();
      await this.#writing;
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }

  /** Closes the file as it is. */
  async abandon(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file.close();
  }

  #add(line: string): void {
    this.#lines.push(line);
    this.#length += line.length;
  }

  async #segment(ending: "checkpoint" | "end"): Promise<void> {
    const lines = Buffer.from(this.#lines.join(""));
    this.#hash.update(lines);
    const sha256 = this.#hash.copy().digest("hex");
    const tally = Buffer.from(tallyLine(ending, { entries: this.#entries, settlements: this.#settlements, sha256 }));
    this.#hash.update(tally);
    this.#lines = [];
    this.#length = 0;
    this.#writtenAt = performance.now();
    const segment = compressed(Buffer.concat([lines, tally]), this.#compression);
    segment.catch(() => undefined); // awaited below, but only after the previous segment
    await this.#writing;
    this.#writing = this.#append(segment);
    this.#writing.catch(() => undefined); // the next write rethrows the error
  }

  async #append(segment: Promise<Buffer>): Promise<void> {
    const bytes = await segment;
    try {
      const { size } = await this.#file.stat();
      if (size !== this.#size) throw new Error("something else writes to it");
      for (let written = 0; written < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written, this.#size + written);
        written += bytesWritten;
      }
      this.#size += bytes.length;
    } catch (cause) {
      const reason = messageOf(cause);
      const isFull = (cause as NodeJS.ErrnoException).code === "ENOSPC";
      // The file is not cut where another process has made it grow.
      if ("code" in (cause as object)) await this.#file.truncate(this.#size).catch(() => undefined);
      const remedy = isFull ? "the disk is full; make room, and record again with --continue" : reason;
      throw new RecordingError(this.path, undefined, `it cannot be written further: ${remedy}`, { cause });
    }
  }
}
