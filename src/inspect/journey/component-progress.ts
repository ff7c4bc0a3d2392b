/** Each component's progress with an event. */

import { compareIds } from "../../model/entry-ids.ts";
import { timeOf } from "../../model/envelope.ts";
import type { GroupFacts, Inspector, LogStream } from "../../ports/inspect.ts";
import { entryJson } from "../entries/entry-json.ts";
import { type LogEntry, toLogEntry } from "../entries/log-reader.ts";
import { mergedPages } from "../entries/stream-merge.ts";

/**
 * The progress of one component. `settled`: handled, or appended before the component first ran with `from: "now"`. `unread`: not
 * delivered yet. `pending`: a member has the event in flight. `parked`: the event waits for its next attempt. `released`: a draining
 * member handed the event back. `dead`: the component gave the event up.
 */
export type Standing =
  | { readonly component: string; readonly state: "settled" | "unread" }
  | {
      readonly component: string;
      readonly state: "pending";
      readonly member: string;
      /** Time since the member last showed that it works on the event, ms. */
      readonly forMs: number;
      readonly attempt: number;
    }
  | { readonly component: string; readonly state: "released"; readonly forMs: number; readonly attempt: number }
  | {
      readonly component: string;
      readonly state: "parked";
      readonly attempt: number;
      /** Time of the next attempt, epoch ms on the server's clock; null where it is not recorded. */
      readonly dueAt: number | null;
    }
  | {
      readonly component: string;
      readonly state: "dead";
      readonly deadLetterId: string;
      readonly code: string;
      readonly error: string;
      readonly attempts: number;
      readonly at: number;
    };

/** Reads the progress of every component with every entry, by `<partition>/<channel>/<entry id>`. @throws {StoreError} */
export async function readStandings(
  inspector: Inspector,
  entries: readonly LogEntry[],
): Promise<ReadonlyMap<string, readonly Standing[]>> {
  const standings = new Map<string, Standing[]>(entries.map((entry) => [entryKey(entry), []]));
  for (const entriesOfStream of Map.groupBy(entries, (e) => `${e.partition}/${e.channel}`).values()) {
    const [{ channel, partition } = { channel: "", partition: 0 }] = entriesOfStream;
    const stream = { channel, partition };
    const facts = await inspector.streamFacts(stream);
    for (const group of facts?.groups ?? []) {
      const dead = group.deadLetters === 0 ? new Map() : await deadLetters(inspector, stream, group, entriesOfStream);
      for (let first = 0; first < entriesOfStream.length; first += atOnce) {
        const some = entriesOfStream.slice(first, first + atOnce);
        const states = await Promise.all(
          some.map((entry) => standingOf(inspector, stream, group, dead, entry.entryId)),
        );
        some.forEach((entry, i) => {
          const standing = states[i];
          if (standing !== undefined) standings.get(entryKey(entry))?.push(standing);
        });
      }
    }
  }
  return standings;
}

/** The key of an entry in the maps of this file: `<partition>/<channel>/<entry id>`. */
export function entryKey({ partition, channel, entryId }: LogEntry): string {
  return `${partition}/${channel}/${entryId}`;
}

const atOnce = 200;

async function standingOf(
  inspector: Inspector,
  stream: LogStream,
  group: GroupFacts,
  dead: ReadonlyMap<string, Standing>,
  entryId: string,
): Promise<Standing> {
  const { component } = group;
  const death = dead.get(entryId);
  if (death !== undefined) return death;
  if (compareIds(entryId, group.lastDeliveredId) > 0) return { component, state: "unread" };
  const mayBeOpen = group.oldestPendingId !== "" && compareIds(entryId, group.oldestPendingId) >= 0;
  const open = mayBeOpen ? await inspector.openDelivery(stream, component, entryId) : undefined;
  if (open === undefined) return { component, state: "settled" };
  const { held, member, idleMs: forMs, attempt } = open;
  if (held === "pending") return { component, state: "pending", member, forMs, attempt };
  if (held === "released") return { component, state: "released", forMs, attempt };
  return { component, state: "parked", attempt, dueAt: open.dueAt ?? null };
}

/** Finds the dead letters of some entries, by entry id. */
async function deadLetters(
  inspector: Inspector,
  stream: LogStream,
  { component }: GroupFacts,
  entries: readonly LogEntry[],
): Promise<ReadonlyMap<string, Standing>> {
  const wanted = new Set(entries.map((entry) => entry.entryId));
  const [first = "0"] = [...wanted].sort(compareIds);
  const found = new Map<string, Standing>();
  const letters = mergedPages(inspector, [{ ...stream, deadOf: component }], {
    from: String(timeOf(first)),
    to: "+",
    reverse: false,
  });
  for await (const { entry } of letters) {
    const json = entryJson(toLogEntry(entry, stream.partition));
    const obituary = ("problem" in json ? json.fields : json.extra) ?? {};
    const entryId = obituary["dead-entry"] ?? "";
    if (!wanted.has(entryId)) continue;
    found.set(entryId, {
      component,
      state: "dead",
      deadLetterId: entry.entryId,
      code: obituary["dead-code"] ?? "",
      error: obituary["dead-error"] ?? "",
      attempts: Number(obituary["dead-attempts"] ?? 1),
      at: Number(obituary["dead-at"] ?? timeOf(entry.entryId)),
    });
    if (found.size === wanted.size) break;
  }
  return found;
}
