/** Reading by cursor: it changes nothing on the server, so a reader that does not own the slice takes nothing from the owner. */

import type { StoredEntry } from "../model/stored-entry.ts";
import type { DeliveryId } from "./delivery.ts";
import type { AttemptCount } from "./own.ts";

/** The position in a channel after which entries are read. */
export interface Cursor {
  readonly channel: string;
  readonly after: string;
}

/** A parked entry whose next attempt is due. */
export interface DueEntry extends DeliveryId {
  readonly record: AttemptCount;
}

/** One key of a component's state. */
export interface StateKey {
  readonly store: string;
  readonly key: string;
}

/** The verbs of reading. @throws {StoreError} when the session is lost, or the server refuses */
export interface Reading {
  /**
   * Reads the entries after the cursors, those of a channel in its order. Waits up to `blockMs` while there are none, with 0 not at all, then
   * resolves with an empty list. One call at a time: another one before its answer gives it up, and it rejects, because nobody shall take the
   * answer of one for that of the other.
   */
  read(cursors: readonly Cursor[], maxPerChannel: number, blockMs: number): Promise<readonly StoredEntry[]>;
  /** Reads these entries, in this order; an entry that is no longer in its stream has no fields. */
  fetch(entries: readonly DeliveryId[]): Promise<readonly StoredEntry[]>;
  /**
   * Lists parked entries that are due, the longest due first. Entries due later than `longestDelayMs` from now are listed, too: the server's
   * clock was set back since they were parked. One call may look at a part of the channels, in turn; with `channel` it looks at that one.
   */
  due(longestDelayMs: number, max: number, channel?: string): Promise<readonly DueEntry[]>;
  /** Reads the values' JSON, in the order of the keys; undefined where a key is absent. */
  readState(keys: readonly StateKey[]): Promise<readonly (string | undefined)[]>;
  /** Tells whether an entry is valid UTF-8 throughout: in text, invalid bytes have become U+FFFD. */
  isValidText(entry: DeliveryId): Promise<boolean>;
}
