/** Settling a batch, and counting an attempt: the reference of what both scripts do in one step. */

import { compareIds } from "../model/entry-ids.ts";
import { wireEntry } from "../model/envelope.ts";
import type { DeliveryId } from "../ports/delivery.ts";
import type { AttemptCount, Claim, Slice } from "../ports/own.ts";
import {
  type Batch,
  hasEffects,
  type Output,
  type Position,
  type Settlement,
  type SettleReply,
  type SettleResult,
  settlePipeline,
} from "../ports/settle.ts";
import { append, type Entry, entryOf, type Group, isVanished, keyOf, Refusal, type Stream } from "./keyspace.ts";
import { groupOf } from "./owner.ts";
import {
  attemptsOf,
  isHeldBy,
  type OpenId,
  parkedConsumer,
  type Row,
  recordOf,
  rowOf,
  type SavedPosition,
  type SettledReply,
  writeRow,
} from "./row.ts";
import type { MemoryServer } from "./server.ts";

/** What an obituary adds to the entry's own fields. */
export const obituaryFields = ["dead-entry", "dead-code", "dead-error", "dead-attempts", "dead-traceparent"] as const;

export function settle(server: MemoryServer, slice: Slice, claim: Claim, batch: Batch): SettleReply {
  try {
    return new Settling(server, slice, claim, batch).run();
  } catch (refusal) {
    if (refusal instanceof Refusal) return { outcome: "refused", reason: refusal.message };
    throw refusal;
  }
}

/** What a channel of the batch is written to. */
interface Destination {
  readonly stream: Stream;
  readonly group: Group;
}

/** The order matters, as a server takes nothing back: everything that can refuse the batch as a whole comes before anything is written. */
class Settling {
  readonly #server: MemoryServer;
  readonly #slice: Slice;
  readonly #claim: Claim;
  readonly #batch: Batch;
  readonly #destinations = new Map<string, Destination>();
  readonly #remade: string[] = [];
  /** By channel; finished or parked, so that the row need not name them as open any more. */
  readonly #settled = new Set<string>();
  readonly #refused: DeliveryId[] = [];
  readonly #refusedLocks = new Set<string>();

  constructor(server: MemoryServer, slice: Slice, claim: Claim, batch: Batch) {
    this.#server = server;
    this.#slice = slice;
    this.#claim = claim;
    this.#batch = batch;
  }

  run(): SettleReply {
    const { number, settlements, positions } = this.#batch;
    const row = rowOf(this.#server, this.#slice);
    if (!isHeldBy(row, this.#claim)) return { outcome: "fenced", row };
    if (number <= row.seq) return this.#replyAgain(row);
    if (number > row.seq + 1) return { outcome: "ahead", seq: row.seq };
    if (settlements.some(hasEffects)) this.#server.refuseWhenFull();
    if (positions.some(({ channel }) => this.#hasGoneBack(channel))) return { outcome: "regressed" };
    for (const { channel } of positions) this.#openPlace(row, channel);
    const results = settlements.map((settlement) => this.#settleOne(settlement));
    const moved = new Map(row.positions);
    for (const position of positions) moved.set(position.channel, this.#move(row, position));
    const reply: SettledReply = { outcome: "settled", results, wanted: row.wanted, remade: this.#remade };
    const replies = new Map([...row.replies, [number, reply] as const].slice(-settlePipeline));
    writeRow(this.#server, this.#slice, { ...row, beat: row.beat + 1, seq: number, positions: moved, replies });
    this.#server.changed();
    return reply;
  }

  /** @throws {Refusal} where the stream or the attempts may not be written to */
  #openPlace(row: Row, channel: string): void {
    const stream = this.#server.keys.madeStream(keyOf.stream(this.#slice.partition, channel));
    const group = groupOf(this.#server, this.#slice, row, channel, stream, this.#remade);
    attemptsOf(this.#server, this.#slice, channel);
    this.#destinations.set(channel, { stream, group });
  }

  /** It was written before. That it is sent again is a sign of life, for which there is room unless the batch itself needs memory. */
  #replyAgain(row: Row): SettleReply {
    const reply = row.replies.get(this.#batch.number);
    if (reply === undefined) return { outcome: "fenced", row };
    if (!this.#server.isFull || !this.#batch.settlements.some(hasEffects))
      writeRow(this.#server, this.#slice, { ...row, beat: row.beat + 1 });
    return { ...reply, wanted: row.wanted };
  }

  /** The newest entry of the batch tells: the end of a log is what a server loses first. And so does what was gone and is there again. */
  #hasGoneBack(channel: string): boolean {
    const stream = this.#server.keys.stream(keyOf.stream(this.#slice.partition, channel));
    let newest: string | undefined;
    for (const settlement of this.#batch.settlements) {
      const isGone = settlement.kind === "buried" && settlement.isGone;
      for (const entry of settlement.entries) {
        if (entry.channel !== channel) continue;
        if (isGone && entryOf(stream, entry.entryId) !== undefined) return true;
        if (!isGone && (newest === undefined || compareIds(entry.entryId, newest) > 0)) newest = entry.entryId;
      }
    }
    return newest !== undefined && isVanished(stream, newest);
  }

  #settleOne(settlement: Settlement): SettleResult {
    if (settlement.locks.some((lock) => this.#refusedLocks.has(lock)))
      return this.#refuse(settlement, "it comes after one that was refused");
    try {
      const ids = this.#write(settlement);
      for (const { channel, entryId, isNoted } of settlement.entries)
        if (isNoted && settlement.kind !== "blocked") this.#settled.add(`${channel}/${entryId}`);
      return { outcome: "settled", ids };
    } catch (refusal) {
      if (refusal instanceof Refusal) return this.#refuse(settlement, refusal.message);
      throw refusal;
    }
  }

  #refuse({ entries, locks }: Settlement, reason: string): SettleResult {
    this.#refused.push(...entries);
    for (const lock of locks) this.#refusedLocks.add(lock);
    return { outcome: "refused", reason };
  }

  /** @throws {Refusal} before anything is written */
  #write(settlement: Settlement): readonly string[] {
    const ids = this.#append(settlement);
    const [member = ""] = this.#claim.owner.split("/", 1);
    const now = this.#server.now();
    for (const { channel, entryId, isNoted } of settlement.entries) {
      const { stream, group } = this.#destinations.get(channel) as Destination;
      const attempts = attemptsOf(this.#server, this.#slice, channel);
      if (settlement.kind === "parked" || settlement.kind === "blocked") {
        const { attempt, delayMs } = settlement;
        attempts.set(entryId, { attempt, starts: 0, dueAt: now + delayMs, isParked: settlement.kind === "parked" });
        if (entryOf(stream, entryId) !== undefined)
          group.pending.set(entryId, settlement.kind === "parked" ? parkedConsumer : member);
      } else if (isNoted) {
        attempts.delete(entryId);
        group.pending.delete(entryId);
      }
    }
    return ids;
  }

  #append(settlement: Settlement): readonly string[] {
    const { keys } = this.#server;
    const { component, partition } = this.#slice;
    const now = this.#server.now();
    if (settlement.kind === "buried") {
      const { channel, entryId } = settlement.entries[0] as DeliveryId;
      const fields = entryOf(this.#destinations.get(channel)?.stream, entryId)?.fields;
      if (fields === undefined) return [];
      const dead = keys.madeStream(keyOf.dead(partition, channel, component));
      const { errorCode, error, attempts, traceparent } = settlement.obituary;
      const values = [entryId, errorCode, error, String(attempts), traceparent];
      return [append(dead, [...fields, ...obituaryFields.flatMap((name, i) => [name, values[i] as string])], now)];
    }
    if (settlement.kind !== "acked") return [];
    const { outputs, changes } = settlement;
    const isRelayed = ({ partition: to }: Output): boolean => this.#server.relays && to !== partition;
    const streams = outputs.map((output) =>
      keys.madeStream(
        isRelayed(output)
          ? keyOf.relay(partition, component, String(output.partition))
          : keyOf.stream(output.partition, output.entry.channel.name),
      ),
    );
    const hashes = changes.map(({ store }) => keys.madeHash<string>(keyOf.state(partition, component, store)));
    const own = outputs.flatMap((output, i) => (isRelayed(output) ? [] : [[output, streams[i] as Stream] as const]));
    refuseWithoutRoom(own);
    for (const [i, { key, json }] of changes.entries()) {
      if (json === undefined) hashes[i]?.delete(key);
      else hashes[i]?.set(key, json);
    }
    return outputs.map((output, i) => {
      const { entry } = output;
      const stream = streams[i] as Stream;
      if (isRelayed(output)) {
        const { name, cap } = entry.channel;
        append(stream, ["channel", name, "cap", String(cap), ...wireEntry(entry.values)], now);
        return ""; // its channel gives it an id when it is there
      }
      const id = append(stream, wireEntry(entry.values), now);
      if (entry.channel.cap < 0) evict(stream, -entry.channel.cap);
      return id;
    });
  }

  /** The position as the owner gives it; `open` keeps what was refused, now or before, until it is settled. */
  #move(row: Row, { channel, at, entriesRead, open }: Position) {
    const { group } = this.#destinations.get(channel) as Destination;
    const refused = this.#refused.flatMap((one) => (one.channel === channel ? [one.entryId] : []));
    const refusedBefore = (row.positions.get(channel)?.open ?? []).flatMap(({ id, isRefused }) =>
      isRefused && !this.#settled.has(`${channel}/${id}`) ? [id] : [],
    );
    const isRefused = new Set([...refused, ...refusedBefore].filter((id) => compareIds(id, at) <= 0));
    const ids = [...new Set([...open, ...isRefused])].sort(compareIds);
    group.at = at;
    group.entriesRead = entriesRead;
    return {
      at,
      open: ids.map((id): OpenId => ({ id, isRefused: isRefused.has(id) })),
    };
  }
}

function refuseWithoutRoom(outputs: readonly (readonly [Output, Stream])[]): void {
  const wanted = new Map<Stream, number>();
  for (const [{ entry }, stream] of outputs) {
    const count = (wanted.get(stream) ?? 0) + 1;
    wanted.set(stream, count);
    if (entry.channel.cap > 0 && stream.entries.length + count > entry.channel.cap)
      throw new Refusal("the channel is full: the outputs do not fit under its hard cap");
  }
}

/** Removes the oldest beyond the cap, and returns them. */
export function evict(stream: Stream, cap: number): readonly Entry[] {
  return stream.entries.splice(0, Math.max(0, stream.entries.length - cap));
}

export function count(
  server: MemoryServer,
  slice: Slice,
  claim: Claim,
  { channel, entryId }: DeliveryId,
  attempt: number,
): AttemptCount | undefined {
  const row = rowOf(server, slice);
  if (!isHeldBy(row, claim)) return undefined;
  const attempts = attemptsOf(server, slice, channel);
  // A request that was cut off on its way may come when the entry is settled.
  const { at, open } = row.positions.get(channel) as SavedPosition;
  const isUnfinished = compareIds(entryId, at) > 0 || open.some(({ id }) => id === entryId);
  if (!isUnfinished && attempts.get(entryId)?.isParked !== true) return undefined;
  const known = attempts.get(entryId) ?? { attempt: 0, starts: 0, dueAt: 0, isParked: false };
  const counted = known.attempt >= attempt ? known : { ...known, attempt, starts: known.starts + 1 };
  attempts.set(entryId, counted);
  return recordOf(counted, server.now());
}
