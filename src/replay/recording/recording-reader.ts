/** `openRecording`: a recording as a source for a replay or an import. The whole file is checked before any of it is used. */

import { open } from "node:fs/promises";
import { toLogEntry } from "../../inspect/entries/log-reader.ts";
import { RecordingError } from "../../model/errors.ts";
import type { ReplayLine, ReplaySource } from "../source/source.ts";
import { CutError, readBytes } from "./compression.ts";
import { checkMaxLineBytes, defaultMaxLineBytes } from "./lines.ts";
import type { RecordingHeader } from "./recording-format.ts";
import { RecordingScanner, type ScannedLine, type ScanOutcome } from "./recording-scanner.ts";

/** The options of `openRecording`. */
export interface OpenRecordingOptions {
  /** Reads the intact parts of a damaged or partial recording. Default: such a recording is refused as a whole. */
  readonly skipInvalid?: boolean;
  /** Called once for each part that is skipped. */
  readonly onInvalid?: (error: RecordingError) => void;
  /** Longest line that is read, bytes, uncompressed. Default 16,777,216; a longer line is invalid. */
  readonly maxLineBytes?: number | undefined;
  readonly signal?: AbortSignal;
}

/** A line of a recording. `bytes` are an entry's fields byte for byte, where they are no valid UTF-8, so that the text is incomplete. */
export type RecordedLine = ReplayLine & { readonly line: number; readonly bytes?: readonly Buffer[] };

/** An open recording. */
export interface Recording extends ReplaySource {
  readonly path: string;
  readonly header: RecordingHeader;
  /** Longest line that is read, bytes. */
  readonly maxLineBytes: number;
  /** Number of readable entries. */
  readonly entries: number;
  readonly settlements: number;
  /** True where the recording ends before the end of its range; only possible with `skipInvalid`. */
  readonly isPartial: boolean;
  /** Reads the lines. @throws {RecordingError} when the file has changed since it was opened */
  lines(signal?: AbortSignal): AsyncGenerator<RecordedLine, void, undefined>;
}

/**
 * Opens and checks a recording. Memory is bounded by the longest allowed line, however large a compressed file becomes.
 * @throws {RecordingError} with the line, on any fault of the file
 */
export async function openRecording(path: string, options: OpenRecordingOptions = {}): Promise<Recording> {
  const { skipInvalid = false, onInvalid = () => undefined, signal } = options;
  const maxLineBytes = checkMaxLineBytes(options.maxLineBytes ?? defaultMaxLineBytes);
  const scanner = scannerOf(path, skipInvalid ? onInvalid : refuse, { maxLineBytes });
  for await (const _ of scan(path, scanner)) signal?.throwIfAborted();
  const { entries, settlements, isComplete } = scanner;
  const header = scanner.header as RecordingHeader; // the scan fails without a header
  return {
    path,
    name: path,
    namespace: header.namespace,
    channels: header.channels,
    partitions: header.partitions,
    header,
    maxLineBytes,
    entries,
    settlements,
    isPartial: !isComplete,
    async *lines(signal) {
      for await (const page of scan(path, scannerOf(path, skipInvalid ? () => undefined : refuse, { maxLineBytes }))) {
        for (const line of page) {
          if (signal?.aborted === true) return;
          yield toRecordedLine(line);
        }
      }
    },
  };
}

/** Accepts no fault. */
export function refuse(error: RecordingError): void {
  throw error;
}

/** Makes a scanner. `onEnding` is called where the file ends too early; without it, an early end is a fault like any other. */
export function scannerOf(
  path: string,
  onInvalid: (error: RecordingError) => void,
  options: {
    readonly onEnding?: (error: RecordingError) => void;
    readonly maxLineBytes?: number | undefined;
  } = {},
): RecordingScanner {
  const { onEnding = onInvalid, maxLineBytes } = options;
  const outcome: ScanOutcome = {
    invalid: (line, reason, cause) => onInvalid(new RecordingError(path, line, reason, { cause })),
    ending: (line, reason, cause) => onEnding(new RecordingError(path, line, reason, { cause })),
    fatal: (line, reason, cause) => {
      throw new RecordingError(path, line, reason, { cause });
    },
  };
  return new RecordingScanner(outcome, maxLineBytes);
}

/** Reads the file and gives pages of lines; the scanner keeps the counts. `end`: number of bytes to read. @throws {RecordingError} */
export async function* scan(
  path: string,
  scanner: RecordingScanner,
  end?: number,
): AsyncGenerator<readonly ScannedLine[], void, undefined> {
  const file = await open(path, "r").catch((cause: Error) => {
    throw new RecordingError(path, undefined, `it cannot be read: ${cause.message}`, { cause });
  });
  try {
    try {
      for await (const chunk of readBytes(path, file, end)) yield scanner.push(chunk);
    } catch (cause) {
      if (cause instanceof CutError) {
        scanner.end(cause);
        return;
      }
      if (cause instanceof RecordingError || !(cause instanceof Error)) throw cause;
      throw new RecordingError(path, undefined, `it cannot be read: ${cause.message}`, { cause });
    }
    scanner.end();
  } finally {
    await file.close();
  }
}

function toRecordedLine(scanned: ScannedLine): RecordedLine {
  const { line } = scanned;
  if (scanned.kind === "settlement") return { kind: "settlement", settlement: scanned.settlement, line };
  const { channel, partition, entryId } = scanned.entry;
  if ("fields" in scanned.entry) {
    return { kind: "entry", entry: toLogEntry({ channel, entryId, fields: scanned.entry.fields }, partition), line };
  }
  const { bytes } = scanned.entry;
  const fields = bytes.map((one) => one.toString("utf8"));
  return { kind: "entry", entry: toLogEntry({ channel, entryId, fields }, partition), line, bytes };
}
