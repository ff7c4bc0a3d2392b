/** All entries that an owner has in flight, by channel in the order of the stream: what tells the position, and what is open before it. */

import { eventIdIn, type StoredEntry } from "../model/stored-entry.ts";
import type { DeadOwner } from "../ownership/hold.ts";
import { Change } from "../ownership/pause.ts";
import type { DeliveryId } from "../ports/delivery.ts";
import type { NewestRead, Start } from "../ports/own.ts";
import type { Cursor, DueEntry } from "../ports/read.ts";
import type { Position } from "../ports/settle.ts";
import { ChannelFlight } from "./channel-flight.ts";
import { Delivery } from "./delivery.ts";
import type { Subscription } from "./subscription.ts";

/** Most characters of entries that are here. */
const maxSize = 32 * 1_048_576;
/** Most entries that are away: beyond that nothing is read, so that `open` stays short. */
const maxAway = 1_000;

export class InFlight {
  readonly #channels: ReadonlyMap<string, ChannelFlight>;
  readonly #maxEntries: number;
  /** Told when something leaves, or something that is away may be fetched. */
  readonly change: Change = new Change();
  #here = 0;
  #size = 0;
  /** Away by lane; undefined for those of which nobody knows it yet. */
  readonly #away = new Map<string | undefined, number>();
  #awayCount = 0;
  /** The owner before, where it is taken for dead; and the lanes in which something that it had begun was loaded. */
  readonly #dead: DeadOwner | undefined;
  readonly #lostLanes = new Set<string>();
  /** Lanes that wait for a retry. */
  readonly #blocked = new Set<string>();

  constructor(
    starts: readonly Start[],
    subscriptions: ReadonlyMap<string, Subscription>,
    maxEntries: number,
    dead?: DeadOwner,
  ) {
    this.#maxEntries = maxEntries;
    this.#dead = dead;
    const channels = new Map<string, ChannelFlight>();
    for (const start of starts) {
      const flight = new ChannelFlight(subscriptions.get(start.channel) as Subscription, start);
      channels.set(start.channel, flight);
      for (const [i, entryId] of start.open.entries())
        this.#add(flight, { channel: start.channel, entryId }, i - start.open.length);
    }
    this.#channels = channels;
  }

  /** Entries whose content is here: waiting, running, or on their way to be settled. */
  get here(): number {
    return this.#here;
  }

  /** All that is not settled. */
  get count(): number {
    return this.#here + this.#awayCount;
  }

  /** How many more may be fetched or read; the mean size so far bounds the characters. */
  get room(): number {
    const mean = this.#here === 0 ? 0 : this.#size / this.#here;
    const bySize = mean === 0 ? this.#maxEntries : Math.floor((maxSize - this.#size) / mean);
    return Math.min(this.#maxEntries - this.#here, bySize);
  }

  /** Whether more may be read: not while an entry is away whose lane nobody knows, as what is read might overtake it. */
  get mayRead(): boolean {
    return this.room > 0 && this.#awayCount < maxAway && !this.#away.has(undefined);
  }

  get cursors(): readonly Cursor[] {
    return [...this.#channels].map(([channel, { after }]) => ({ channel, after }));
  }

  get newest(): readonly NewestRead[] {
    return [...this.#channels.values()].flatMap(({ newest, entriesReadBefore, read }) =>
      newest === undefined
        ? []
        : { ...newest, entriesRead: entriesReadBefore === undefined ? undefined : entriesReadBefore + read },
    );
  }

  /** All that a process may have died of: what was open, and the first few that are read. */
  suspectOpen(): void {
    for (const delivery of this.#all()) delivery.isSuspect = true;
  }

  /** An entry was read. It waits, unless its lane is blocked or something of it is away: then it is away, too, behind that. */
  take(entry: StoredEntry): Delivery {
    const flight = this.#channels.get(entry.channel) as ChannelFlight;
    const delivery = new Delivery(entry, flight.subscription, ++flight.read, false, flight.counts.get(entry.entryId));
    delivery.load(entry);
    if (this.#dead !== undefined && (delivery.starts > 0 || flight.begun.has(entry.entryId))) this.#noteLost(delivery);
    flight.deliveries.add(delivery);
    flight.after = entry.entryId;
    flight.newest = { channel: entry.channel, entryId: entry.entryId, eventId: eventIdIn(entry.fields) };
    this.#here++;
    this.#size += delivery.size;
    const { lane = "" } = delivery;
    if (this.#blocked.has(laneOf(delivery)) || (lane !== "" && this.#away.has(lane))) this.letGo(delivery);
    return delivery;
  }

  /** A retry is due. False: it is in flight already. */
  addDue({ channel, entryId, record }: DueEntry, triedBy = ""): boolean {
    const flight = this.#channels.get(channel);
    const known = flight?.parked.get(entryId);
    if (known !== undefined && triedBy !== "") known.triedBy = triedBy; // another one's timer has brought it
    if (flight === undefined || known !== undefined || flight.has(entryId)) return false;
    const delivery = new Delivery({ channel, entryId }, flight.subscription, 0, true, record);
    delivery.triedBy = triedBy;
    flight.parked.set(entryId, delivery);
    this.#leaveTo(delivery, +1);
    this.change.tell();
    return true;
  }

  /** What is away and may be fetched, oldest first: as many as there is room for, up to `max`. */
  fetchable(max: number): readonly Delivery[] {
    if (this.#awayCount === 0) return [];
    const most = Math.min(max, this.room);
    const found: Delivery[] = [];
    for (const delivery of this.#all()) {
      if (found.length >= most) break;
      if (delivery.phase === "away" && !this.#blocked.has(laneOf(delivery))) found.push(delivery);
    }
    return found;
  }

  /**
   * It was fetched. It waits, unless its lane, which may not have been known before, is blocked; or was, and not any more, while it travelled:
   * then what was let go before it must come first.
   */
  load(delivery: Delivery, entry: StoredEntry): void {
    this.#leaveTo(delivery, -1);
    delivery.load(entry);
    if (this.#dead !== undefined && delivery.ordinal <= 0 && delivery.turn === 1) this.#noteLost(delivery);
    this.#here++;
    this.#size += delivery.size;
    if (this.isBlocked(delivery) || this.#isBehindAway(delivery)) this.letGo(delivery);
  }

  /**
   * An attempt of the dead owner's was cut off, as far as that is known: the last one that was counted, or the first. What lay behind another
   * in its lane waited, and what is parked or waits for a retry was not being handled.
   */
  #noteLost(delivery: Delivery): void {
    const { lane = "", starts, attempt } = delivery;
    const hasWaited = (attempt > 0 && starts === 0) || (lane !== "" && this.#lostLanes.has(lane));
    if (lane !== "") this.#lostLanes.add(lane);
    if (!hasWaited && !delivery.isParked)
      delivery.lost = { ...(this.#dead as DeadOwner), attempt: Math.max(1, attempt) };
  }

  /** What cannot be handled now, and what waits behind it in its lane: their content goes, and comes again in its order. */
  letGo(delivery: Delivery): void {
    const lane = laneOf(delivery);
    this.#unload(delivery);
    for (const other of this.#all()) if (other.phase === "waiting" && laneOf(other) === lane) this.#unload(other);
    this.change.tell();
  }

  letGoWaiting(): void {
    for (const delivery of this.#all()) if (delivery.phase === "waiting") this.#unload(delivery);
    this.change.tell();
  }

  /** Its lane waits until it is unblocked. */
  block(delivery: Delivery): void {
    this.#blocked.add(laneOf(delivery));
    this.letGo(delivery);
  }

  unblock(delivery: Delivery): void {
    this.#blocked.delete(laneOf(delivery));
    this.change.tell();
  }

  isBlocked(delivery: Delivery): boolean {
    return this.#blocked.has(laneOf(delivery));
  }

  /** It is settled. */
  leave(delivery: Delivery): void {
    const flight = this.#channels.get(delivery.channel) as ChannelFlight;
    if (!(delivery.isParked ? flight.parked.delete(delivery.entryId) : flight.deliveries.remove(delivery))) return;
    this.#here--;
    this.#size -= delivery.size;
    this.change.tell();
  }

  /** Their settlements are about to be sent, or, with those that are unanswered, to be sent again in another way. */
  setInBatch(deliveries: readonly Delivery[], isInBatch: boolean): void {
    for (const delivery of deliveries) {
      delivery.isInBatch = isInBatch;
      const flight = this.#channels.get(delivery.channel) as ChannelFlight;
      if (!isInBatch || delivery.ordinal <= flight.atOrdinal) continue;
      flight.at = delivery.entryId;
      flight.atOrdinal = delivery.ordinal;
    }
  }

  /** Where a channel stands once everything that is in a batch is settled. */
  positionOf(channel: string): Position {
    const { at, atOrdinal, entriesReadBefore, deliveries } = this.#channels.get(channel) as ChannelFlight;
    const open: string[] = [];
    for (const delivery of deliveries) {
      if (delivery.ordinal > atOrdinal) break;
      if (!delivery.isInBatch) open.push(delivery.entryId);
    }
    const entriesRead = entriesReadBefore === undefined ? undefined : entriesReadBefore + atOrdinal;
    return { channel, at, entriesRead, open };
  }

  /** So many entries were removed before they were read: they count as passed. */
  skip(channel: string, count: number): void {
    const flight = this.#channels.get(channel) as ChannelFlight;
    if (flight.entriesReadBefore !== undefined) flight.entriesReadBefore += count;
  }

  /** Those that have been under way since before `startedBefore` and are not shown yet; they count as shown from now on. */
  takeLate(startedBefore: number): readonly DeliveryId[] {
    const late: DeliveryId[] = [];
    for (const delivery of this.#all()) {
      const { channel, entryId, startedAt, isShown } = delivery;
      if (isShown || startedAt === undefined || startedAt > startedBefore) continue;
      delivery.isNoted = true;
      delivery.isShown = true;
      late.push({ channel, entryId });
    }
    return late;
  }

  /** What was said over a session that is lost may not have been heard. */
  forgetShown(): void {
    for (const delivery of this.#all()) delivery.isShown = false;
  }

  #add(flight: ChannelFlight, id: DeliveryId, ordinal: number): void {
    const delivery = new Delivery(id, flight.subscription, ordinal, false, flight.counts.get(id.entryId));
    flight.deliveries.add(delivery);
    this.#leaveTo(delivery, +1);
  }

  #isBehindAway({ channel, lane, ordinal, isParked }: Delivery): boolean {
    if (isParked || lane === undefined || !this.#away.has(lane)) return false;
    for (const other of (this.#channels.get(channel) as ChannelFlight).deliveries) {
      if (other.ordinal >= ordinal) return false;
      if (other.phase === "away" && other.lane === lane) return true;
    }
    return false;
  }

  #unload(delivery: Delivery): void {
    this.#here--;
    this.#size -= delivery.size;
    delivery.unload();
    this.#leaveTo(delivery, +1);
  }

  *#all(): Iterable<Delivery> {
    for (const { parked, deliveries } of this.#channels.values()) {
      yield* parked.values();
      yield* deliveries;
    }
  }

  #leaveTo({ lane }: Delivery, change: 1 | -1): void {
    this.#awayCount += change;
    const count = (this.#away.get(lane) ?? 0) + change;
    if (count === 0) this.#away.delete(lane);
    else this.#away.set(lane, count);
  }
}

/** What waits with it when it is blocked: its lane, or it alone. */
function laneOf({ lane, channel, entryId }: Delivery): string {
  return lane === undefined || lane === "" ? `\n${channel}/${entryId}` : lane;
}
