/** Holds a deployment's channels against the entries that are in the log: which of them its handlers could not be given, and why. */

import type { Channel } from "../../model/channel.ts";
import { escaped, shown } from "../../model/safe-text.ts";
import { plainTable } from "../text/plain-table.ts";
import type { ReadRange } from "./log-reader.ts";
import type { TypedEntry } from "./typed-entries.ts";

type Read = (channel: Channel<unknown>, range: ReadRange) => AsyncIterable<TypedEntry<unknown>>;

/** An entry that would not pass. */
export interface RefusedEntry {
  readonly entryId: string;
  /** Undefined where the entry is no event. */
  readonly eventId?: string;
  readonly reason: string;
}

/** The entries of one version of a channel. */
export interface CheckedVersion {
  readonly channel: string;
  /** Undefined: of entries that are no events. */
  readonly version?: number;
  /** The version that the deployment's definition of the channel has. */
  readonly deployed: number;
  readonly entries: number;
  /** How many of them would not pass. */
  readonly refused: number;
  /** The oldest of those, as many as were asked for. */
  readonly first: readonly RefusedEntry[];
}

export interface LogCheck {
  /** By channel, in the order in which they were given, and version. A channel without entries has no row. */
  readonly versions: readonly CheckedVersion[];
  readonly entries: number;
  readonly refused: number;
}

/** Reads every entry of the range and writes nothing. `most`: of how many refused entries of a version the ids are kept. @throws {StoreError} */
export async function checkLog(
  read: Read,
  channels: readonly Channel<unknown>[],
  range: ReadRange,
  most: number,
): Promise<LogCheck> {
  const versions: CheckedVersion[] = [];
  for (const channel of channels) versions.push(...(await checkChannel(read, channel, range, most)));
  const sum = (count: (one: CheckedVersion) => number): number => versions.reduce((all, one) => all + count(one), 0);
  return { versions, entries: sum(({ entries }) => entries), refused: sum(({ refused }) => refused) };
}

async function checkChannel(
  read: Read,
  channel: Channel<unknown>,
  range: ReadRange,
  most: number,
): Promise<readonly CheckedVersion[]> {
  const counts = new Map<number | undefined, { entries: number; refused: number; first: RefusedEntry[] }>();
  for await (const { entryId, envelope, problem } of read(channel, range)) {
    const version = envelope?.version;
    let count = counts.get(version);
    if (count === undefined) {
      count = { entries: 0, refused: 0, first: [] };
      counts.set(version, count);
    }
    count.entries++;
    if (problem === undefined) continue;
    count.refused++;
    if (count.first.length >= most) continue;
    count.first.push({ entryId, ...(envelope === undefined ? {} : { eventId: envelope.id }), reason: problem });
  }
  return [...counts]
    .sort(([a = 0], [b = 0]) => a - b)
    .map(([version, count]) => ({
      channel: channel.name,
      ...(version === undefined ? {} : { version }),
      deployed: channel.version,
      ...count,
    }));
}

/** For people: a row for each version, and under the table the entries that would not pass. */
export function renderCheck({ versions, entries, refused }: LogCheck): string {
  if (versions.length === 0) return "There are no entries.";
  const table = plainTable(
    ["channel", "version", "deployed", "entries", "would not pass"],
    ["version", "deployed", "entries", "would not pass"],
  );
  for (const one of versions)
    table.push([one.channel, one.version ?? "no event", one.deployed, one.entries, one.refused]);
  const lines = versions.flatMap(({ channel, first, refused: of }) => [
    ...first.map(
      ({ entryId, eventId = "", reason }) => `${channel} ${entryId}  ${shown(eventId, 40)}  ${shown(reason, 400)}`,
    ),
    ...(of > first.length ? [`${escaped(channel)}: and ${of - first.length} more`] : []),
  ]);
  const verdict = refused === 0 ? `All ${entries} entries pass.` : `${refused} of ${entries} entries would not pass.`;
  return [table.toString(), ...(lines.length === 0 ? [] : ["", ...lines]), "", verdict].join("\n");
}
