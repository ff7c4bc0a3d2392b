/** The source of a replay, line by line: a recording, or a range of the live log. */

import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { RecordedSettlement } from "../../model/recorded-settlement.ts";

export type { RecordedSettlement, SettledCall } from "../../model/recorded-settlement.ts";

/** A line of a source. */
export type ReplayLine =
  /** `bytes`: an entry's fields byte for byte, where they are no valid UTF-8, so that the text is incomplete. */
  | { readonly kind: "entry"; readonly entry: LogEntry; readonly bytes?: readonly Buffer[] }
  | { readonly kind: "settlement"; readonly settlement: RecordedSettlement };

/** A source of lines that can be read more than once. */
export interface ReplaySource {
  /** A name for people: a file's path, or the channels of a namespace. */
  readonly name: string;
  readonly namespace: string;
  readonly channels: readonly string[];
  /** Number of partitions of the namespace. */
  readonly partitions: number;
  /** Reads entries in the order of their ids over all channels; a settlement comes after the entries that it names. May be called again. */
  lines(signal?: AbortSignal): AsyncIterable<ReplayLine>;
}
