/** The verbs that take, keep and give away a slice: the reference of what each script does in one step. */

import { compareIds } from "../model/entry-ids.ts";
import { eventIdIn } from "../model/stored-entry.ts";
import type { DeliveryId } from "../ports/delivery.ts";
import type { Acquired, Acquisition, Claim, Look, NewestRead, Renewed, Slice, Start, Stranger } from "../ports/own.ts";
import { entryOf, type Group, keyOf, type Stream } from "./keyspace.ts";
import {
  type Attempts,
  attemptsOf,
  isHeldBy,
  memberOf,
  parkedConsumer,
  type Row,
  recordOf,
  rowOf,
  type SavedPosition,
  writeRow,
} from "./row.ts";
import type { MemoryServer } from "./server.ts";

export function look(server: MemoryServer, slice: Slice, newest: readonly NewestRead[]): Look {
  const isThere = ({ channel, entryId, eventId }: NewestRead): boolean => {
    const fields = entryOf(server.keys.stream(keyOf.stream(slice.partition, channel)), entryId)?.fields;
    return fields !== undefined && eventIdIn(fields) === eventId;
  };
  return { row: rowOf(server, slice), isBehind: newest.map(isThere).includes(false) };
}

export function acquire(
  server: MemoryServer,
  slice: Slice,
  channels: readonly string[],
  { member, token, seen, highestEpoch, isDeath, begin }: Acquisition,
): Acquired {
  const row = rowOf(server, slice);
  const isAsSeen =
    seen === undefined
      ? row === undefined
      : isHeldBy(row, seen) && row.beat === (seen.beat ?? row.beat) && row.seq === (seen.seq ?? row.seq);
  if (!isAsSeen) return { outcome: "lost", row };
  for (const channel of channels) {
    server.keys.stream(keyOf.stream(slice.partition, channel)); // refused before anything is written
    attemptsOf(server, slice, channel);
  }
  const starts = channels.map((channel) => beginAt(server, slice, row, channel, member, begin, isDeath));
  const epoch = Math.max((row?.epoch ?? 0) + 1, highestEpoch + 1, server.now());
  // What may have killed an owner has not moved while the floors stand still.
  const hasMoved = [...(row?.floors ?? [])].some(([channel, floor]) => floorOf(row?.positions.get(channel)) !== floor);
  const deaths = (hasMoved ? 0 : (row?.deaths ?? 0)) + (isDeath ? 1 : 0);
  // Those of channels that the component does not read any more stay: it may read them again.
  const positions = new Map(row?.positions);
  for (const { channel, at, open } of starts)
    positions.set(channel, { at, open: open.map((id) => ({ id, isRefused: false })) });
  const floors = new Map(starts.map(({ channel }) => [channel, floorOf(positions.get(channel))]));
  const beat = (row?.beat ?? 0) + 1;
  const moved = row?.moved ?? new Map();
  const taken = { epoch, owner: `${member}/${token}`, beat, seq: 0, wanted: "", deaths, floors, positions, moved };
  writeRow(server, slice, { ...taken, replies: new Map() });
  server.changed();
  return { outcome: "acquired", epoch, deaths, starts };
}

/** The oldest that the row names as unfinished, or where the unread begins. */
function floorOf(position: SavedPosition | undefined): string {
  return position?.open[0]?.id ?? position?.at ?? "0-0";
}

/** Finds where the owner begins, and makes the group exist there. Its pending list shows what was counted or parked; the owner shows the rest. */
function beginAt(
  server: MemoryServer,
  slice: Slice,
  row: Row | undefined,
  channel: string,
  member: string,
  begin: "0" | "$",
  isDeath: boolean,
): Start {
  const stream = server.keys.madeStream(keyOf.stream(slice.partition, channel));
  const attempts = attemptsOf(server, slice, channel);
  const saved = row?.positions.get(channel);
  const group = stream.groups.get(slice.component);
  const trimmed = stream.added - stream.entries.length;
  let start: Omit<Start, "channel" | "counts" | "begun">;
  if (saved === undefined && group !== undefined) {
    const ids = [...group.pending.keys()].filter((id) => attempts.get(id)?.isParked !== true);
    const entriesRead = readAt(stream, group.at, group);
    start = { at: group.at, entriesRead, open: ids.sort(compareIds), became: "again", lost: 0 };
  } else if (saved === undefined) {
    const at = begin === "$" ? stream.lastId : "0-0";
    start = { at, entriesRead: begin === "$" ? stream.added : trimmed, open: [], became: "new", lost: 0 };
  } else if (compareIds(stream.lastId, saved.at) < 0) {
    const parked = [...attempts.values()].filter(({ isParked }) => isParked).length;
    attempts.clear();
    start = { at: "0-0", entriesRead: trimmed, open: [], became: "gone", lost: saved.open.length + parked };
  } else {
    const open = saved.open.map(({ id }) => id);
    const became = group === undefined ? "again" : "there";
    start = { at: saved.at, entriesRead: readAt(stream, saved.at, group), open, became, lost: 0 };
  }
  // Of an entry that was removed before it was reached nobody will settle anything.
  for (const [id, { isParked }] of attempts)
    if (!isParked && !start.open.includes(id) && entryOf(stream, id) === undefined) attempts.delete(id);
  // Whoever has released the slice, or takes it from itself, has outlived what ran there: it has killed nobody.
  for (const [id, counted] of isDeath ? [] : attempts)
    if (!counted.isParked && counted.starts > 0) attempts.set(id, { ...counted, starts: 0 });
  const shown = isDeath && group !== undefined ? [...group.pending] : [];
  const begun = shown.flatMap(([id, name]) => (name !== parkedConsumer && compareIds(id, start.at) > 0 ? [id] : []));
  stream.groups.set(slice.component, {
    at: start.at,
    entriesRead: start.entriesRead,
    consumers: new Set([member]),
    pending: shownOf(stream, attempts, member),
  });
  const counts = [...attempts].flatMap(([entryId, counted]) =>
    counted.isParked ? [] : [{ entryId, record: recordOf(counted, server.now()) }],
  );
  return { channel, ...start, begun: begun.sort(compareIds), counts };
}

/** What the group's pending list shows of what was counted or parked, and as whose. */
function shownOf(stream: Stream, attempts: ReadonlyMap<string, Attempts>, member: string): Map<string, string> {
  const there = [...attempts].filter(([id]) => entryOf(stream, id) !== undefined);
  return new Map(there.map(([id, { isParked }]) => [id, isParked ? parkedConsumer : member]));
}

/**
 * How many entries the stream ever had up to the position: at its end all, whatever was removed before it was read; else as the group says,
 * where it stands there.
 */
function readAt(stream: Stream, at: string, group: Group | undefined): number | undefined {
  if (at === stream.lastId) return stream.added;
  return group?.at === at ? group.entriesRead : undefined;
}

/**
 * The group of a channel; made again from the row where somebody has destroyed it, which `remade` is then told. What its pending list shows
 * beyond what was counted or parked, the owner shows again.
 */
export function groupOf(
  server: MemoryServer,
  slice: Slice,
  row: Row,
  channel: string,
  stream: Stream,
  remade: string[],
): Group {
  const there = stream.groups.get(slice.component);
  if (there !== undefined) return there;
  remade.push(channel);
  const { at } = row.positions.get(channel) as SavedPosition;
  const member = memberOf(row);
  const pending = shownOf(stream, attemptsOf(server, slice, channel), member);
  const made: Group = { at, entriesRead: undefined, consumers: new Set([member]), pending };
  stream.groups.set(slice.component, made);
  return made;
}

export function renew(
  server: MemoryServer,
  slice: Slice,
  channels: readonly string[],
  claim: Claim,
  newest: readonly NewestRead[] | undefined,
  late: readonly DeliveryId[],
): Renewed {
  const row = rowOf(server, slice);
  if (!isHeldBy(row, claim)) return { outcome: "fenced", row };
  writeRow(server, slice, { ...row, beat: row.beat + 1 });
  if (newest === undefined) return { outcome: "renewed", wanted: row.wanted, remade: [] };
  for (const { channel, entryId } of newest) {
    const stream = server.keys.stream(keyOf.stream(slice.partition, channel));
    if (stream === undefined || compareIds(stream.lastId, entryId) < 0) return { outcome: "regressed" };
  }
  const remade: string[] = [];
  const strangers: Stranger[] = [];
  for (const channel of channels) {
    const stream = server.keys.stream(keyOf.stream(slice.partition, channel));
    const { at } = row.positions.get(channel) as SavedPosition;
    if (compareIds(stream?.lastId ?? "0-0", at) < 0) return { outcome: "regressed" };
  }
  for (const channel of channels) {
    const stream = server.keys.stream(keyOf.stream(slice.partition, channel));
    if (stream === undefined) continue;
    const position = row.positions.get(channel) as SavedPosition;
    const { at } = position;
    const group = groupOf(server, slice, row, channel, stream, remade);
    group.entriesRead = readAt(stream, at, group);
    group.at = at;
    const attempts = attemptsOf(server, slice, channel);
    strangers.push(...undoStrangers(channel, stream, group, attempts, memberOf(row)));
    passOver(stream, group, position, attempts);
  }
  for (const { channel, entryId } of late) show(server, slice, row, channel, entryId);
  return { outcome: "renewed", wanted: row.wanted, remade, ...(strangers.length === 0 ? {} : { strangers }) };
}

/** Others may read and acknowledge in the group: they take nothing with it, and what people see of the component is put right. */
function undoStrangers(
  channel: string,
  stream: Stream,
  group: Group,
  attempts: ReadonlyMap<string, Attempts>,
  member: string,
): readonly Stranger[] {
  const strangers = [...group.consumers].filter((name) => name !== member && name !== parkedConsumer);
  for (const name of strangers) group.consumers.delete(name);
  for (const [id, name] of group.pending) if (strangers.includes(name)) group.pending.delete(id);
  const shownBefore = group.pending.size;
  const waiting = [...attempts.values()].filter(({ isParked }) => isParked).length;
  if (shownBefore < waiting) {
    for (const id of attempts.keys()) group.pending.delete(id);
    for (const [id, name] of shownOf(stream, attempts, member)) group.pending.set(id, name);
  }
  const isAcknowledged = strangers.length === 0 && group.pending.size > shownBefore;
  return [...strangers, ...(isAcknowledged ? [""] : [])].map((consumer) => ({ channel, consumer }));
}

/** What waited for a retry when its owner began, and was removed before it was read again, has been passed without a settlement. */
function passOver(stream: Stream, group: Group, { at, open }: SavedPosition, attempts: Map<string, Attempts>): void {
  for (const [id, name] of group.pending) {
    const isUnfinished = compareIds(id, at) > 0 || open.some((one) => one.id === id);
    if (name === parkedConsumer || isUnfinished || entryOf(stream, id) !== undefined) continue;
    group.pending.delete(id);
    attempts.delete(id);
  }
}

/** An entry that was finished meanwhile is not shown: everything up to the position is, unless the row names it. */
function show(server: MemoryServer, slice: Slice, row: Row, channel: string, id: string): void {
  const stream = server.keys.stream(keyOf.stream(slice.partition, channel));
  const { at, open } = row.positions.get(channel) as SavedPosition;
  const isOpen = compareIds(id, at) > 0 || open.some((one) => one.id === id);
  if (!isOpen || entryOf(stream, id) === undefined) return;
  stream?.groups.get(slice.component)?.pending.set(id, memberOf(row));
}

export function want(server: MemoryServer, slice: Slice, seen: Claim, member: string): void {
  const row = rowOf(server, slice);
  if (isHeldBy(row, seen)) writeRow(server, slice, { ...row, wanted: member });
}

export function release(server: MemoryServer, slice: Slice, claim: Claim, seq: number): boolean {
  const row = rowOf(server, slice);
  if (!isHeldBy(row, claim) || row.seq !== seq) return false;
  writeRow(server, slice, { ...row, owner: "", beat: row.beat + 1 });
  return true;
}
