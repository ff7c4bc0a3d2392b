/** Entry ids in their order, and what the log says of an event. */

import { compareIds } from "../../src/model/entry-ids.ts";
import type { Entry, History } from "./history.ts";

/** Entries by `channel` and event id; more than one where it was appended twice. */
export function entriesById({ entry }: History): (channel: string, id: string) => readonly Entry[] {
  const byId = new Map<string, Entry[]>();
  for (const one of entry) {
    const key = `${one.channel} ${one.id}`;
    const known = byId.get(key);
    if (known === undefined) byId.set(key, [one]);
    else known.push(one);
  }
  return (channel, id) => byId.get(`${channel} ${id}`) ?? [];
}

/** Tells whether a fault may have removed an entry of the channel. Without an entry id: any entry of it, but not entries caused by it. */
export function mayBeLost({ loss }: Pick<History, "loss">, channel: string, entryId?: string): boolean {
  return loss.some(
    (one) =>
      (one.channel === undefined || one.channel === channel) &&
      (entryId === undefined
        ? one.after === undefined
        : compareIds(entryId, one.upTo) <= 0 && (one.after === undefined || compareIds(entryId, one.after) > 0)),
  );
}

/** Tells whether retention may have removed an entry of the channel. Without an entry id: any entry of it. */
export function mayBeTrimmed({ trimmed }: History, channel: string, entryId?: string): boolean {
  return trimmed.some(
    (one) => one.channel === channel && (entryId === undefined || compareIds(entryId, one.upTo) <= 0),
  );
}
