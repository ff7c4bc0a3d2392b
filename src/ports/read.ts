/** Reading by cursor: it changes nothing on the server, so whoever reads without owning the slice takes nothing from anybody. */

import type { StoredEntry } from "../model/stored-entry.ts";
import type { AttemptCount } from "./own.ts";
import type { DeliveryId } from "./store.ts";

/** Reads a channel from the entry after this one. */
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

/** @throws {StoreError} when the session is lost, or the server refuses */
export interface Reading {
  /**
   * The entries after the cursors, those of a channel in its order. Waits up to `blockMs` while there are none, then resolves with none. One
   * call at a time: the session has one connection that waits.
   */
  read(cursors: readonly Cursor[], maxPerChannel: number, blockMs: number): Promise<readonly StoredEntry[]>;
  /** These entries, in this order; one that is no longer in its stream has no fields. */
  fetch(entries: readonly DeliveryId[]): Promise<readonly StoredEntry[]>;
  /**
   * Parked entries that are due, the longest due first; those too that are due later than `longestDelayMs` from now, because the server's
   * clock was set back since.
   */
  due(longestDelayMs: number, max: number): Promise<readonly DueEntry[]>;
  /** The values' JSON, in the order of the keys; undefined where a key is absent. */
  readState(keys: readonly StateKey[]): Promise<readonly (string | undefined)[]>;
  /** Whether an entry is valid UTF-8 throughout: as text, what is not has become U+FFFD. */
  isValidText(entry: DeliveryId): Promise<boolean>;
}
