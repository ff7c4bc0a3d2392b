/** The entries of a source that a replay takes. The selection is the same each time that the source is read from its beginning. */

import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import { parseQuery } from "../../inspect/journey/query.ts";
import { compareIds } from "../../model/entry-ids.ts";
import { ConfigError } from "../../model/errors.ts";

/** The conditions of a selection. */
export interface SelectionOptions {
  /** Channels to take. Default: all channels of the source. */
  readonly channels?: readonly string[] | undefined;
  /** First entry id, included; `(` before the id excludes it. A time in epoch ms is accepted too. */
  readonly from?: string | undefined;
  /** Last entry id, included. A time in epoch ms includes all entries of its millisecond. */
  readonly to?: string | undefined;
  /** An attribute that entries must have: `name=value`, or `payload.<path>=value`. */
  readonly where?: string | undefined;
  /** Most entries, after which the selection ends. */
  readonly limit?: number | undefined;
}

/** `left`: the entry is left out. `end`: this entry and all later ones are. */
export type Selected = "taken" | "left" | "end";

/** Decides entry by entry. */
export class Selection {
  readonly #channels: ReadonlySet<string> | undefined;
  readonly #from: string | undefined;
  readonly #to: string | undefined;
  readonly #matches: ((entry: LogEntry) => boolean) | undefined;
  #left: number;

  /** @throws {ConfigError} on invalid options */
  constructor({ channels, from, to, where, limit }: SelectionOptions) {
    this.#channels = channels === undefined ? undefined : new Set(channels);
    this.#from = from === undefined || from === "-" ? undefined : from;
    this.#to = to === undefined || to === "+" ? undefined : to;
    this.#left = limit ?? Number.POSITIVE_INFINITY;
    if (where === undefined) return;
    const query = parseQuery(where);
    if (query.eventId !== undefined) throw new ConfigError(`"${where}" is no attribute: it must be name=value`);
    this.#matches = query.matches;
  }

  /** Decides about an entry. Call once for each entry, in the order of the source. */
  take(entry: LogEntry): Selected {
    if (this.#left <= 0) return "end";
    if (this.#channels?.has(entry.channel) === false) return "left";
    const { entryId } = entry;
    if (this.#from !== undefined && isBefore(entryId, this.#from)) return "left";
    if (this.#to !== undefined && isAfter(entryId, this.#to)) return "left";
    if (this.#matches?.(entry) === false) return "left";
    this.#left--;
    return "taken";
  }
}

function isBefore(entryId: string, from: string): boolean {
  return from.startsWith("(") ? compareIds(entryId, from.slice(1)) <= 0 : compareIds(entryId, from) < 0;
}

function isAfter(entryId: string, to: string): boolean {
  if (to.startsWith("(")) return compareIds(entryId, to.slice(1)) >= 0;
  // A time without a sequence includes its whole millisecond, as for XRANGE.
  return compareIds(to.includes("-") ? entryId : (entryId.split("-", 1)[0] as string), to) > 0;
}
