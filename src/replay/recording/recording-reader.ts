/** `openRecording`: a recording as something to replay or import. It is read through once before anything is made of it. */

import { open } from "node:fs/promises";
import { toLogEntry } from "../../inspect/entries/log-reader.ts";
import { RecordingError } from "../../model/errors.ts";
import type { ReplayLine, ReplaySource } from "../source/source.ts";
import { CutError, readBytes } from "./compression.ts";
import { checkMaxLineBytes, defaultMaxLineBytes } from "./lines.ts";
import type { RecordingHeader } from "./recording-format.ts";
import { RecordingScanner, type ScannedLine, type ScanOutcome } from "./recording-scanner.ts";

export interface OpenRecordingOptions {
  /** Reads what can be read of a damaged or partial recording. Default: such a recording is refused as a whole. */
  readonly skipInvalid?: boolean;
  /** Told of each thing that is skipped, once. */
  readonly onInvalid?: (error: RecordingError) => void;
  /** Longest line that is read, in bytes, uncompressed. Default 16,777,216; a longer one is invalid. */
  readonly maxLineBytes?: number | undefined;
  readonly signal?: AbortSignal;
}

/** A line of a recording. `bytes` are an entry's fields byte for byte, where they are no valid UTF-8: as text they have lost something. */
export type RecordedLine = ReplayLine & { readonly line: number; readonly bytes?: readonly Buffer[] };

export interface Recording extends ReplaySource {
  readonly path: string;
  readonly header: RecordingHeader;
  /** Longest line that is read, in bytes. */
  readonly maxLineBytes: number;
  /** Those that can be read. */
  readonly entries: number;
  readonly settlements: number;
  /** Whether it ends before what it was to hold. Only with `skipInvalid`. */
  readonly isPartial: boolean;
  /** @throws {RecordingError} when the file has changed since it was opened */
  lines(signal?: AbortSignal): AsyncGenerator<RecordedLine, void, undefined>;
}

/**
 * Memory is bounded by the longest line that may be, however much a compressed file becomes.
 * @throws {RecordingError} with the line, on anything that is wrong with the file
 */
export async function openRecording(path: string, options: OpenRecordingOptions = {}): Promise<Recording> {
  const { skipInvalid = false, onInvalid = () => undefined, signal } = options;
  const maxLineBytes = checkMaxLineBytes(options.maxLineBytes ?? defaultMaxLineBytes);
  const scanner = scannerOf(path, skipInvalid ? onInvalid : refuse, { maxLineBytes });
  for await (const _ of scan(path, scanner)) signal?.throwIfAborted();
  const { entries, settlements, isComplete } = scanner;
  const header = scanner.header as RecordingHeader; // without one the scan has failed
  return {
    path,
    name: path,
    namespace: header.namespace,
    channels: header.channels,
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

/** Takes nothing that is wrong. */
export function refuse(error: RecordingError): void {
  throw error;
}

/** `onEnding` is told where the file ends too early; without it that is as invalid as anything else. */
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

/** Pages of lines; the scanner knows the rest. `end`: how many bytes of the file are looked at. @throws {RecordingError} */
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
