/** Each component's progress with an event. */

import { compareIds, millisecondOf } from "../../model/entry-ids.ts";
import { timeOf } from "../../model/envelope.ts";
import type { GroupFacts, Inspector, LogStream } from "../../ports/inspect.ts";
import { entryJson } from "../entries/entry-json.ts";
import { type LogEntry, toLogEntry } from "../entries/log-reader.ts";
import { mergedPages } from "../entries/stream-merge.ts";

/**
 * The progress of one component. `settled`: handled, or appended before the component first ran with `from: "now"`. `unread`: after the
 * position, or begun less than a second ago. `pending`: begun and not finished, or waiting for another attempt while its key waits too.
 * `parked`: the event waits for its next attempt, and others of its key go on. `dead`: the component gave the event up.
 */
export type Standing =
  | { readonly component: string; readonly state: "settled" | "unread" }
  | {
      readonly component: string;
      readonly state: "pending";
      /** The owner of the event's partition; empty where nobody owns it. */
      readonly member: string;
      readonly attempt: number;
      /** Time of the next attempt, epoch ms on the server's clock; null where none is waited for. */
      readonly dueAt: number | null;
    }
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
  const components = [...((await inspector.catalogue())?.components.keys() ?? [])];
  const standings = new Map<string, Standing[]>(entries.map((entry) => [entryKey(entry), []]));
  for (const entriesOfStream of Map.groupBy(entries, (e) => `${e.partition}/${e.channel}`).values()) {
    const [{ channel, partition } = { channel: "", partition: 0 }] = entriesOfStream;
    const stream = { channel, partition };
    const facts = await inspector.streamFacts(stream, components);
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
  const isAfter = compareIds(entryId, group.positionId) > 0;
  const mayBeOpen = group.oldestOpenId !== "" && compareIds(entryId, group.oldestOpenId) >= 0;
  const open = mayBeOpen ? await inspector.openDelivery(stream, component, entryId) : undefined;
  if (open === undefined) return { component, state: isAfter ? "unread" : "settled" };
  const { held, member, attempt, dueAt = null } = open;
  if (held === "open") return { component, state: "pending", member, attempt, dueAt };
  return { component, state: "parked", attempt, dueAt };
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
    from: millisecondOf(first),
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
