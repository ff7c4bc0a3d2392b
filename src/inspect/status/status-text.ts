/** The status as tables for people. */

import { shown } from "../../model/safe-text.ts";
import { durationText } from "../text/format.ts";
import { plainTable } from "../text/plain-table.ts";
import type { BackboneStatus, ChannelStatus, ComponentStatus, ConsumptionStatus } from "./status.ts";

/** Writes the status as tables and notes. */
export function renderStatus(status: BackboneStatus): string {
  const { namespace, partitions, channels, components, at } = status;
  const several = partitions > 1;
  const placed = (name: string, partition: number): string => shown(several ? `${name} ${partition}` : name, 80);

  const channelTable = plainTable(["channel", "entries", "last entry", "appended"], numbers);
  for (const { channel, partition, entries, lastEntryId, lastAppendAt } of channels) {
    channelTable.push([placed(channel, partition), entries, lastEntryId ?? "-", ago(lastAppendAt, at)]);
  }

  const consumption = plainTable(
    ["component", "channel", "lag", "waiting", "pending", "oldest", "parked", "dead letters"],
    numbers,
  );
  for (const { component, partition, channels: subscriptions } of components) {
    for (const c of subscriptions) {
      consumption.push([
        placed(component, partition),
        shown(c.channel, 80),
        lagText(c),
        dashed(c.lagMs),
        c.pending,
        dashed(c.oldestPendingMs),
        c.parked,
        c.deadLetters,
      ]);
    }
  }

  const members = plainTable(["component", "member", "last seen", "pending"], numbers);
  for (const { component, partition, members: of } of components) {
    for (const { member, lastSeenAt, live, pending } of of) {
      members.push([
        placed(component, partition),
        shown(member, 80),
        `${ago(lastSeenAt, at)}${live ? "" : ", silent"}`,
        pending,
      ]);
    }
  }

  const sections = [`Namespace "${shown(namespace, 80)}", ${partitions} partition${several ? "s" : ""}`];
  for (const section of [channelTable, consumption, members]) if (section.length > 0) sections.push(section.toString());
  const notes = [
    ...channels.flatMap(damagesOf),
    ...components.flatMap((component) => [...noteOf(component, at), ...dropsOf(component), ...lossesOf(component)]),
  ];
  if (notes.length > 0) sections.push(notes.join("\n"));
  return sections.join("\n\n");
}

const numbers = ["entries", "lag", "pending", "parked", "dead letters"];

function damagesOf({ channel, lastEntryId, damage }: ChannelStatus): readonly string[] {
  const { isBlocked, aheadMs, removedByOthers } = damage;
  const name = shown(channel, 80);
  const repair = `"throughline repair ${name}"`;
  const notes: string[] = [];
  if (isBlocked)
    notes.push(`${name} is BLOCKED: its last id is the greatest there is. ${repair} gives that entry another.`);
  else if (aheadMs > 0)
    notes.push(`${name} is AHEAD of the clock: its last id is ${lastEntryId}. ${repair} gives such entries others.`);
  if (removedByOthers > 0)
    notes.push(`${removedByOthers} entries of ${name} were REMOVED, and not by retention. ${repair} ends this notice.`);
  return notes;
}

function noteOf(status: ComponentStatus, at: number): readonly string[] {
  const { state, lastSeenAt, channels } = status;
  const component = shown(status.component, 80);
  if (state === "served") return [];
  const seen = lastSeenAt === null ? "no member on record" : `last seen ${ago(lastSeenAt, at)}`;
  if (state === "unserved") return [`${component} has no live member (${seen}).`];
  const held = heldBy(channels);
  if (state === "foreign") {
    const what = held === "" ? "It holds back nothing." : `It holds back ${held}.`;
    return [
      `${component} is a FOREIGN group, of another program (${lastSeenAt === null ? "never active" : `active ${ago(lastSeenAt, at)}`}). ${what}`,
    ];
  }
  return [`${component} is ABANDONED (${seen}). It holds back ${held}.`];
}

function heldBy(channels: readonly ConsumptionStatus[]): string {
  return channels
    .filter((c) => c.oldestUnfinishedId !== null)
    .map(
      (c) =>
        `${shown(c.channel, 80)} from ${c.oldestUnfinishedId} on (${lagText(c)} unread, ${c.pending + c.parked} open)`,
    )
    .join("; ");
}

function dropsOf({ component, channels }: ComponentStatus): readonly string[] {
  return channels.flatMap(({ channel, dropped, oldestUnfinishedId, pending, parked, ...lag }) => {
    if (!dropped) return [];
    const held =
      oldestUnfinishedId === null
        ? "will hold back what comes"
        : `holds back what is from ${oldestUnfinishedId} on (${lagText(lag)} unread, ${pending + parked} open)`;
    const [name, place] = [shown(component, 80), shown(channel, 80)];
    const remedy = `throughline component retire ${name} --channel ${place}`;
    return [`${name} does NOT SUBSCRIBE to ${place} any more; its group there ${held}. To remove it: ${remedy}`];
  });
}

function lossesOf({ component, channels }: ComponentStatus): readonly string[] {
  return channels.flatMap(({ channel, lost }) =>
    lost === 0
      ? []
      : [
          `${shown(component, 80)} has LOST ${lost} entries of ${shown(channel, 80)}: they were removed before it had them.`,
        ],
  );
}

function lagText({ lagEntries, lagExact }: Pick<ConsumptionStatus, "lagEntries" | "lagExact">): string {
  return lagExact ? String(lagEntries) : `over ${lagEntries}`;
}

function ago(time: number | null, at: number): string {
  return time === null ? "never" : `${durationText(Math.max(0, at - time))} ago`;
}

function dashed(ms: number): string {
  return ms === 0 ? "-" : durationText(ms);
}
