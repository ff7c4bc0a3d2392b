/** What a replay reads, line by line: a recording, or a range of the live log. */

import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { RecordedSettlement } from "../../model/recorded-settlement.ts";

export type { RecordedSettlement, SettledCall } from "../../model/recorded-settlement.ts";

export type ReplayLine =
  /** `bytes`: an entry's fields as they are, where they are no valid UTF-8 and as text have lost something. */
  | { readonly kind: "entry"; readonly entry: LogEntry; readonly bytes?: readonly Buffer[] }
  | { readonly kind: "settlement"; readonly settlement: RecordedSettlement };

export interface ReplaySource {
  /** For people: a file's path, or the channels of a namespace. */
  readonly name: string;
  readonly namespace: string;
  readonly channels: readonly string[];
  /** Entries in the order of their ids over all channels; a settlement comes after the entries that it names. May be called again. */
  lines(signal?: AbortSignal): AsyncIterable<ReplayLine>;
}
