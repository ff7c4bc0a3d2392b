/** The call that takes a slice (acquire.lua): how it is written, and how its reply is read. */

import type { Acquired, Acquisition, CountedEntry, Slice, Start } from "../../ports/own.ts";
import type { Keys } from "../keys.ts";
import { parseRow, type RowReply } from "./row.ts";

/** The row of a slice, and after it for each channel its stream, its attempts and its parked set. */
export function keysOf(names: Keys, { component, partition }: Slice, channels: readonly string[]): string[] {
  const keys = [names.owner(partition, component)];
  for (const channel of channels) {
    keys.push(
      names.stream(partition, channel),
      names.attempts(partition, channel, component),
      names.parked(partition, channel, component),
    );
  }
  return keys;
}

export function acquireArgs(
  { component }: Slice,
  channels: readonly string[],
  { member, token, seen, highestEpoch, isDeath, begin }: Acquisition,
): (string | number)[] {
  const seenRow = seen === undefined ? ["", "", "", ""] : [seen.epoch, seen.owner, seen.beat ?? "", seen.seq ?? ""];
  return [component, member, token, ...seenRow, highestEpoch, isDeath ? 1 : 0, begin, ...channels];
}

type StartReply = readonly [
  at: string,
  entriesRead: string,
  open: string,
  became: Start["became"],
  lost: number,
  begun: string,
  ...counts: string[],
];

export function parseAcquired(channels: readonly string[], reply: unknown): Acquired {
  const answer = reply as readonly ["lost", RowReply] | readonly ["acquired", string, string, ...StartReply[]];
  if (answer[0] === "lost") return { outcome: "lost", row: parseRow(answer[1]) };
  const [, epoch, deaths, ...starts] = answer;
  return {
    outcome: "acquired",
    epoch: Number(epoch),
    deaths: Number(deaths),
    starts: starts.map((start, i) => parseStart(channels[i] as string, start)),
  };
}

function parseStart(channel: string, [at, entriesRead, open, became, lost, begun, ...counts]: StartReply): Start {
  return {
    channel,
    at,
    entriesRead: entriesRead === "" ? undefined : Number(entriesRead),
    open: open === "" ? [] : open.split(" "),
    became,
    lost,
    begun: begun === "" ? [] : begun.split(" "),
    counts: parseCounts(counts),
  };
}

function parseCounts(values: readonly string[]): readonly CountedEntry[] {
  const counts: CountedEntry[] = [];
  for (let i = 0; i + 3 < values.length; i += 4) {
    const [entryId = "", attempt, starts, dueInMs] = values.slice(i, i + 4);
    counts.push({
      entryId,
      record: { attempt: Number(attempt), starts: Number(starts), dueInMs: Number(dueInMs) },
    });
  }
  return counts;
}
