/** The status as tables for people. */

import { shown } from "../../model/safe-text.ts";
import { durationText } from "../text/format.ts";
import { plainTable } from "../text/plain-table.ts";
import type { ChannelStatus } from "./channel-status.ts";
import type { OwnerStatus } from "./member-status.ts";
import type { SourceStatus } from "./source-status.ts";
import type { BackboneStatus, ComponentStatus, ConsumptionStatus } from "./status.ts";

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
    ["component", "channel", "position", "lag", "waiting", "pending", "oldest", "parked", "dead letters"],
    numbers,
  );
  const owners = plainTable(["component", "owner", "epoch", "since", "stands by"], numbers);
  for (const { component, partition, owner, standBy, channels: subscriptions } of components) {
    owners.push([
      placed(component, partition),
      ownerText(owner),
      owner?.epoch ?? "-",
      owner === null ? "-" : ago(owner.since, at),
      namesText(standBy),
    ]);
    for (const c of subscriptions) {
      consumption.push([
        placed(component, partition),
        shown(c.channel, 80),
        c.position,
        lagText(c),
        dashed(c.lagMs),
        c.pending,
        dashed(c.oldestPendingMs),
        c.parked,
        c.deadLetters,
      ]);
    }
  }

  const sources = plainTable(
    ["source", "channel", "position", "written", "owner", "epoch", "since", "stands by"],
    numbers,
  );
  for (const { source, channel, partition, position, positionAt, owner, standBy } of status.sources) {
    sources.push([
      placed(source, partition),
      shown(channel, 80),
      position === null ? "-" : shown(position, 80),
      positionAt === null ? "-" : ago(positionAt, at),
      ownerText(owner),
      owner?.epoch ?? "-",
      owner === null ? "-" : ago(owner.since, at),
      namesText(standBy),
    ]);
  }

  const members = plainTable(["component", "member", "host", "last seen", "owns"], numbers);
  for (const { component, member, host, pid, lastSeenAt, live, owned } of status.members) {
    members.push([
      shown(component, 80),
      shown(member, 80),
      host === null ? "-" : `${shown(host, 80)}${pid === null ? "" : ` ${pid}`}`,
      `${ago(lastSeenAt, at)}${live ? "" : ", silent"}`,
      owned.length > 0 ? owned.join(" ") : live ? "stands by" : "-",
    ]);
  }

  const sections = [`Namespace "${shown(namespace, 80)}", ${partitions} partition${several ? "s" : ""}`];
  for (const section of [channelTable, consumption, owners, sources, members])
    if (section.length > 0) sections.push(section.toString());
  const notes = [
    ...(several || components.length === 0 ? [] : [onePartition]),
    ...channels.flatMap(damagesOf),
    ...status.sources.flatMap((source) => [
      ...noteOfSource(source),
      ...relaysOf(`Source ${shown(source.source, 80)}`, source),
    ]),
    ...components.flatMap((component) => [
      ...noteOf(component, at),
      ...relaysOf(shown(component.component, 80), component),
      ...dropsOf(component),
      ...lossesOf(component),
    ]),
  ];
  if (notes.length > 0) sections.push(notes.join("\n"));
  return sections.join("\n\n");
}

const numbers = ["entries", "lag", "pending", "parked", "dead letters", "epoch"];

const onePartition =
  "With one partition each component has one owner, and its other members stand by. More partitions let members share the work " +
  "(docs/guide/partitions.md).";

/** Names beyond these are counted. */
const maxNamed = 3;

function namesText(names: readonly string[]): string {
  if (names.length === 0) return "-";
  const named = names.slice(0, maxNamed).map((name) => shown(name, 80));
  const more = names.length - named.length;
  return `${named.join(", ")}${more === 0 ? "" : ` and ${more} more`}`;
}

function ownerText(owner: OwnerStatus | null): string {
  if (owner === null) return "-";
  const { member, live, wanted } = owner;
  return `${shown(member, 80)}${live ? "" : ", silent"}${wanted === null ? "" : `, to go to ${shown(wanted, 80)}`}`;
}

function damagesOf({ channel, lastEntryId, damage, refusal }: ChannelStatus): readonly string[] {
  const { isBlocked, aheadMs, removedByOthers } = damage;
  const name = shown(channel, 80);
  const repair = `"throughline repair ${name}"`;
  const notes: string[] = [];
  if (refusal !== null) notes.push(`${name} CANNOT BE READ: ${shown(refusal, 400)}`);
  if (isBlocked)
    notes.push(`${name} is BLOCKED: its last id is the greatest there is. ${repair} gives that entry another.`);
  else if (aheadMs > 0)
    notes.push(`${name} is AHEAD of the clock: its last id is ${lastEntryId}. ${repair} gives such entries others.`);
  if (removedByOthers > 0)
    notes.push(`${removedByOthers} entries of ${name} were REMOVED, and not by retention. ${repair} ends this notice.`);
  return notes;
}

function noteOf(status: ComponentStatus, at: number): readonly string[] {
  const { state, lastSeenAt, channels, owner, standBy } = status;
  const component = shown(status.component, 80);
  const deaths =
    owner === null || owner.deaths < 2 ? [] : [`${component} has lost ${owner.deaths} owners at one entry.`];
  if (state === "served") return deaths;
  const seen = lastSeenAt === null ? "no member on record" : `last seen ${ago(lastSeenAt, at)}`;
  if (state === "unserved" && standBy.length > 0)
    return [
      ...deaths,
      `No live member owns partition ${status.partition} of ${component}; ${standBy.length} could take it.`,
    ];
  if (state === "unserved") return [...deaths, `${component} has no live member (${seen}).`];
  const held = heldBy(channels);
  if (state === "foreign") {
    const what = held === "" ? "It holds back nothing." : `It holds back ${held}.`;
    return [
      `${component} is a FOREIGN group, of another program (${lastSeenAt === null ? "never active" : `active ${ago(lastSeenAt, at)}`}). ${what}`,
    ];
  }
  return [...deaths, `${component} is ABANDONED (${seen}). It holds back ${held}.`];
}

function noteOfSource({ source, partition, owner, standBy }: SourceStatus): readonly string[] {
  if (owner?.live === true) return [];
  const others = standBy.length === 0 ? "no other lives" : `${standBy.length} could take it`;
  return [`No live member runs source ${shown(source, 80)} in partition ${partition}; ${others}.`];
}

/** What is moved within this time is no news, ms. */
const relayedSoonMs = 1_000;

function relaysOf(
  name: string,
  { partition, relays }: Pick<ComponentStatus, "partition" | "relays">,
): readonly string[] {
  return relays
    .filter(({ oldestMs }) => oldestMs >= relayedSoonMs)
    .map(({ to, outputs, exact, oldestMs, channel }) => {
      const [count, since] = [`${exact ? "" : "over "}${outputs}`, durationText(oldestMs)];
      const first = `the first for ${shown(channel, 80)}`;
      return `${name} has outputs WAITING in the relay of partition ${partition} for partition ${to}: ${count} for ${since}, ${first}. Its owner's log says why.`;
    });
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
