/** Watches a history while it happens: what must hold at every moment, by the server's own data. */

import { type Entry, entryOf, keyOf, placeAfter, type Stream } from "../../src/memory/keyspace.ts";
import { attemptsOf, type Row, rowOf } from "../../src/memory/row.ts";
import type { MemoryServer } from "../../src/memory/server.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import type { Event } from "../../src/model/event.ts";
import { eventIdIn } from "../../src/model/stored-entry.ts";
import type { Fence } from "../../src/ownership/fence.ts";
import { BeatWatch } from "./beat-watch.ts";
import { partitionOf } from "./channels.ts";
import type { Conditions } from "./conditions.ts";
import { Effects, type Watched } from "./effects.ts";
import type { Host } from "./host.ts";
import type { PlannedEvent } from "./plan.ts";

export interface ObserverParts {
  readonly server: MemoryServer;
  readonly watched: Watched;
  readonly partitions: number;
  readonly takeoverAfterMs: number;
  /** Of the events that have an effect, by id. */
  readonly planned: Pick<ReadonlyMap<string, PlannedEvent>, "get">;
  readonly conditions: Conditions;
}

export class Observer {
  readonly conditions: Conditions;
  readonly #server: MemoryServer;
  readonly #component: string;
  readonly #channels: readonly string[];
  readonly #planned: ObserverParts["planned"];
  readonly #partitions: number;
  /** Handlers that run, by fence and key. */
  readonly #running = new Map<string, string>();
  /** Events whose handler has come to its end once. */
  readonly #handled = new Set<string>();
  readonly #lastRows = new Map<number, Row>();
  /** The greatest epoch that each member was shown, by member and partition. */
  readonly #seenEpochs = new Map<string, number>();
  /** The greatest epoch that a member had been shown when it asked for a partition, by what would own it; 0: none. */
  readonly #seenWhenAsked = new Map<string, number>();
  /** The greatest epoch of each partition, those that a failover has taken back among them. */
  readonly #highestEpochs = new Map<number, number>();
  /** How often each partition was taken. */
  readonly #ownerChanges = new Map<number, number>();
  /** Beginnings of handlers by event, and members that were killed. */
  readonly starts: Map<string, number> = new Map();
  kills = 0;
  readonly effects: Effects;
  /** Events that were there before the component began. */
  readonly #passedOver = new Set<string>();
  /** By partition: owners of an epoch up to this one may not know yet that the server has taken back an acquisition. */
  readonly #rewoundEpochs = new Map<number, number>();
  readonly #takeoverAfterMs: number;
  readonly #beats: BeatWatch;
  #onKill: (host: Host) => void = () => undefined;

  constructor({ server, watched, partitions, takeoverAfterMs, planned, conditions }: ObserverParts) {
    this.conditions = conditions;
    this.#server = server;
    this.#component = watched.name;
    this.#channels = watched.inputs;
    this.#planned = planned;
    this.#partitions = partitions;
    this.#takeoverAfterMs = takeoverAfterMs;
    this.effects = new Effects(server, watched, partitions);
    this.#beats = new BeatWatch(() => conditions.now, takeoverAfterMs);
  }

  onKill(kill: (host: Host) => void): void {
    this.#onKill = kill;
  }

  say(line: () => string): void {
    this.conditions.say(line);
  }

  violated(text: string): void {
    this.conditions.violated(text);
  }

  kill(host: Host): void {
    this.#onKill(host);
  }

  /** A member was shown a row. */
  saw(host: Host, partition: number, epoch: number): void {
    const name = `${host.name} ${partition}`;
    this.#seenEpochs.set(name, Math.max(epoch, this.#seenEpochs.get(name) ?? 0));
  }

  /** A member asks for a partition. */
  asks(host: Host, partition: number, token: string): void {
    this.#seenWhenAsked.set(`${host.name}/${token}`, this.#seenEpochs.get(`${host.name} ${partition}`) ?? 0);
  }

  /** Whether an owner had never been shown a row of its partition when it asked for it. */
  isStranger(owner: string): boolean {
    return this.#seenWhenAsked.get(owner) === 0;
  }

  /** The server goes back, or loses everything. */
  rewind(goBack: () => void): void {
    this.look();
    const before = this.#rows();
    goBack();
    const after = this.#rows();
    this.#lastRows.clear();
    for (const [partition, row] of after) {
      this.#lastRows.set(partition, row);
      this.#beats.wentBack(partition, row);
    }
    for (const [partition, { epoch, owner }] of before) {
      const row = after.get(partition);
      if (row?.epoch !== epoch || row.owner !== owner)
        this.#rewoundEpochs.set(partition, Math.max(epoch, this.#rewoundEpochs.get(partition) ?? 0));
    }
  }

  #rows(): ReadonlyMap<number, Row> {
    const rows = new Map<number, Row>();
    for (let partition = 0; partition < this.#partitions; partition++) {
      const row = rowOf(this.#server, { component: this.#component, partition });
      if (row !== undefined) rows.set(partition, row);
    }
    return rows;
  }

  /** After each step: who has beaten. */
  lookAtBeats(): void {
    for (let partition = 0; partition < this.#partitions; partition++) {
      const row = rowOf(this.#server, { component: this.#component, partition });
      if (row !== undefined) this.#beats.saw(partition, row);
    }
  }

  /** A handler has begun with an event; `isFirst` of its batch, or `isAlone`. The returned function says that it has ended. */
  started(host: Host, event: Event<unknown>, fence: Fence, isFirst: boolean, isAlone: boolean): () => void {
    const partition = this.#partitionWith(event);
    this.say(() => `start ${event.channel} ${event.id} on ${host.name} ${fence.token}`);
    this.starts.set(event.id, (this.starts.get(event.id) ?? 0) + 1);
    const row = partition === undefined ? undefined : rowOf(this.#server, { component: this.#component, partition });
    const owner = row?.owner ?? "";
    const isInformed = fence.epoch > (this.#rewoundEpochs.get(partition ?? 0) ?? 0);
    if (isFirst && row !== undefined && isInformed && !owner.startsWith(`${host.name}/`))
      this.violated(`${host.name} starts ${event.id} after it has lost the partition to "${owner}"`);
    const place = `${fence.token} ${event.key}`;
    const other = this.#running.get(place);
    if (isAlone && other !== undefined) this.violated(`${event.id} and ${other} of one key run at once`);
    if (isAlone) this.#running.set(place, event.id);
    return () => {
      if (this.#running.get(place) === event.id) this.#running.delete(place);
    };
  }

  handled(event: Event<unknown>): void {
    this.#handled.add(event.id);
  }

  /**
   * `isOver`: the handler has been told that its owner is none any more; nor need it be one if its attempt began, at `begunAt`, so long ago that others may
   * have taken over since, as where its process was stopped. A failover may have brought back that owner's row all the same.
   */
  refusedOutside(
    host: Host,
    partition: number,
    fence: Fence,
    { isOver, begunAt }: { readonly isOver: boolean; readonly begunAt: number },
  ): void {
    const row = rowOf(this.#server, { component: this.#component, partition });
    this.say(() => `refused outside ${host.name} ${fence.epoch} ${fence.token}`);
    // It was confirmed at most half of that time before it began.
    const mayBeLost = isOver || this.conditions.now - begunAt > this.#takeoverAfterMs / 2;
    if (!mayBeLost && row?.owner === `${host.name}/${fence.token}` && !this.conditions.isClockBack)
      this.violated(`the outside refuses ${row.owner}, which owns the partition`);
  }

  /** The component need not handle it. */
  passOver(eventId: string): void {
    this.#passedOver.add(eventId);
  }

  /** The component has begun on a partition after what was there. */
  begunLate(partition: number): void {
    for (const channel of this.#channels)
      for (const { fields } of this.#streamOf(partition, channel)?.entries ?? [])
        this.#passedOver.add(eventIdIn(fields));
  }

  /** After each change of the server's data. */
  look(): void {
    for (let partition = 0; partition < this.#partitions; partition++) {
      const row = rowOf(this.#server, { component: this.#component, partition });
      if (row === undefined || row === this.#lastRows.get(partition)) continue;
      this.#checkRow(partition, row);
      this.#lastRows.set(partition, row);
      if (this.conditions.isBlind) continue;
      this.effects.count((eventId) => this.#checkSource(eventId));
      for (const text of this.effects.repeated(this.conditions.isClockBack)) this.violated(text);
      for (const channel of this.#channels) this.#checkPosition(partition, row, channel);
    }
  }

  #checkRow(partition: number, row: Row): void {
    const last = this.#lastRows.get(partition);
    if (last?.owner === row.owner) return;
    this.say(() => `row ${partition} of ${this.#component} ${row.owner} deaths ${row.deaths}`);
    const [member = ""] = row.owner.split("/", 1);
    if (row.owner !== "" && row.epoch <= (this.#seenWhenAsked.get(row.owner) ?? 0))
      this.violated(`${member} takes partition ${partition} with an epoch that it has seen before`);
    this.#ownerChanges.set(partition, (this.#ownerChanges.get(partition) ?? 0) + 1);
    const highest = this.#highestEpochs.get(partition) ?? 0;
    if (row.owner !== "" && row.epoch <= highest && !this.conditions.isClockBack)
      this.violated(`partition ${partition} is taken with an epoch that was there before`);
    this.#highestEpochs.set(partition, Math.max(highest, row.epoch));
    if (last === undefined) return;
    if (row.deaths > last.deaths && last.owner.startsWith(`${member}/`))
      this.violated(`${member} takes itself for dead`);
    const stoodStillMs = this.#beats.msSince(last.owner);
    if (row.deaths > last.deaths && stoodStillMs < this.#beats.leastMs)
      this.violated(`${member} takes ${last.owner} for dead, which has beaten ${stoodStillMs} ms ago`);
    if (row.epoch < last.epoch) this.violated(`the epoch of partition ${partition} falls`);
    if (row.epoch === last.epoch && row.owner !== last.owner && row.owner !== "")
      this.violated(`the owner of partition ${partition} changes within an epoch`);
  }

  /** Nothing has an effect that a failover has lost: what somebody removes while it is handled has one. */
  #checkSource(eventId: string): void {
    const event = this.#planned.get(eventId);
    if (event === undefined || this.conditions.removed.has(eventId) || this.conditions.hasNodeGoneBack) return;
    const stream = this.#streamOf(partitionOf(event.key, this.#partitions), event.channel);
    if (stream?.entries.some(({ fields }) => eventIdIn(fields) === eventId) !== true)
      this.violated(`${eventId} has an effect, and is not in the log`);
  }

  #checkPosition(partition: number, row: Row, channel: string): void {
    const slice = { component: this.#component, partition };
    const stream = this.#server.keys.stream(keyOf.stream(partition, channel));
    const position = row.positions.get(channel);
    // Of a stream that is another one by now the row says nothing until it is taken again.
    if (stream === undefined || position === undefined || compareIds(stream.lastId, position.at) < 0) return;
    const group = stream.groups.get(this.#component);
    if (group !== undefined && group.at !== position.at)
      this.violated(`the group of ${channel} stands at ${group.at}, the row at ${position.at}`);
    const attempts = attemptsOf(this.#server, slice, channel);
    const passed = placeAfter(stream, position.at);
    for (let i = 0; i < stream.entries.length; i++) {
      const entry = stream.entries[i] as Entry;
      const id = eventIdIn(entry.fields);
      const counted = attempts.get(entry.id);
      const isParked = counted?.isParked === true;
      const isDone = i < passed && !isParked && !position.open.some((open) => open.id === entry.id);
      const hasOutput = this.effects.hasOutput(id);
      const isDead = this.effects.isDead(partition, channel, entry.id);
      if (hasOutput && isDead && !this.conditions.hasNodeGoneBack)
        this.violated(`${id} has an effect and a dead letter`);
      const isAhead = hasOutput && !this.conditions.hasNodeGoneBack;
      if (!isDone && (isAhead || isDead)) this.violated(`${id} is settled, and the row names it as unfinished`);
      if (isDone && !this.#isBacked(id, hasOutput, isDead))
        this.violated(`${id} counts as finished without its effect`);
      // An attempt may be counted whose owner was lost before its handler began.
      if (counted !== undefined) {
        const most = (this.starts.get(id) ?? 0) + (this.#ownerChanges.get(partition) ?? 0);
        if (counted.attempt > most)
          this.violated(`${counted.attempt} attempts at ${id} are counted, and ${most} were begun at most`);
      }
      const isPending = group?.pending.has(entry.id);
      if (isParked && isPending === false) this.violated(`${id} is parked, and the group does not show it`);
      if (isDone && isPending === true) this.violated(`${id} is finished, and pending in the group`);
    }
  }

  #isBacked(id: string, hasOutput: boolean, isDead: boolean): boolean {
    if (isDead || this.#passedOver.has(id)) return true;
    return this.#planned.get(id)?.effect === "none" ? this.#handled.has(id) : hasOutput;
  }

  #partitionWith({ channel, entryId, id }: Event<unknown>): number | undefined {
    for (let partition = 0; partition < this.#partitions; partition++) {
      const stream = this.#streamOf(partition, channel);
      const entry = entryOf(stream, entryId);
      if (entry !== undefined && eventIdIn(entry.fields) === id) return partition;
    }
    return undefined;
  }

  #streamOf(partition: number, channel: string): Stream | undefined {
    try {
      return this.#server.keys.stream(keyOf.stream(partition, channel));
    } catch {
      return undefined; // it cannot be looked into for now
    }
  }
}
