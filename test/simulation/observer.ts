/** Watches a history while it happens: what must hold at every moment, by the server's own data. */

import { type Entry, keyOf, type Stream } from "../../src/memory/keyspace.ts";
import { attemptsOf, idIn, type Row, rowOf } from "../../src/memory/owner.ts";
import type { MemoryServer } from "../../src/memory/server.ts";
import { isFinished } from "../../src/memory/store.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import type { Event } from "../../src/model/event.ts";
import type { Fence } from "../../src/ownership/context.ts";
import type { Host } from "./host.ts";
import type { PlannedEvent } from "./plan.ts";

/** What the log has of the events of one partition. */
export interface Effects {
  /** How many outputs each event has. */
  readonly outputs: ReadonlyMap<string, number>;
  /** How many letters each dead entry has, by channel and entry id. */
  readonly dead: ReadonlyMap<string, number>;
}

export class Observer {
  readonly violations: string[] = [];
  /** What happened, a line each: the same seed gives the same lines. */
  readonly lines: string[] = [];
  readonly #server: MemoryServer;
  readonly #component: string;
  readonly #channels: readonly string[];
  readonly #planned: ReadonlyMap<string, PlannedEvent>;
  readonly #partitions: number;
  readonly #now: () => number;
  /** Keys that cannot be looked into for now. */
  isBlind = false;
  /** Handlers that run, by fence and key. */
  readonly #running = new Map<string, string>();
  /** Events whose handler has come to its end once. */
  readonly #handled = new Set<string>();
  readonly #lastRows = new Map<number, Row>();
  /** The greatest epoch that each member was shown, by member and partition. */
  readonly #seenEpochs = new Map<string, number>();
  /** The greatest epoch of each partition, those that a failover has taken back among them. */
  readonly #highestEpochs = new Map<number, number>();
  /** How often each partition was taken. */
  readonly #ownerChanges = new Map<number, number>();
  /** Beginnings of handlers by event, and members that were killed. */
  readonly starts: Map<string, number> = new Map();
  kills = 0;
  /** Events that were there before the component began. */
  readonly #passedOver = new Set<string>();
  /** Owners of an epoch up to this one may not know yet that the server has gone back. */
  #rewoundEpoch = 0;
  /** The server's clock was set back, or may have been. */
  isClockBack = false;
  #onKill: (host: Host) => void = () => undefined;

  constructor(
    server: MemoryServer,
    component: string,
    channels: readonly string[],
    partitions: number,
    planned: ReadonlyMap<string, PlannedEvent>,
    now: () => number,
  ) {
    this.#server = server;
    this.#component = component;
    this.#channels = channels;
    this.#planned = planned;
    this.#partitions = partitions;
    this.#now = now;
  }

  onKill(kill: (host: Host) => void): void {
    this.#onKill = kill;
  }

  say(line: string): void {
    this.lines.push(`${this.#now().toFixed(3)} ${line}`);
  }

  violated(text: string): void {
    this.say(`VIOLATION ${text}`);
    this.violations.push(text);
  }

  kill(host: Host): void {
    this.#onKill(host);
  }

  /** A member was shown a row. */
  saw(host: Host, partition: number, epoch: number): void {
    const name = `${host.name} ${partition}`;
    this.#seenEpochs.set(name, Math.max(epoch, this.#seenEpochs.get(name) ?? 0));
  }

  /** The server has gone back, or lost everything. */
  rewound(): void {
    for (const { epoch } of this.#lastRows.values()) this.#rewoundEpoch = Math.max(this.#rewoundEpoch, epoch);
    this.#lastRows.clear();
    for (let partition = 0; partition < this.#partitions; partition++) {
      const row = rowOf(this.#server, { component: this.#component, partition });
      if (row !== undefined) this.#lastRows.set(partition, row);
    }
  }

  /** A handler has begun with an event; `isFirst` of its batch, or `isAlone`. The returned function says that it has ended. */
  started(host: Host, event: Event<unknown>, fence: Fence, isFirst: boolean, isAlone: boolean): () => void {
    const partition = this.#partitionWith(event);
    this.say(`start ${event.channel} ${event.id} on ${host.name} ${fence.token}`);
    this.starts.set(event.id, (this.starts.get(event.id) ?? 0) + 1);
    const row = partition === undefined ? undefined : rowOf(this.#server, { component: this.#component, partition });
    const owner = row?.owner ?? "";
    if (isFirst && row !== undefined && fence.epoch > this.#rewoundEpoch && !owner.startsWith(`${host.name}/`))
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

  refusedOutside(host: Host, partition: number, fence: Fence): void {
    const row = rowOf(this.#server, { component: this.#component, partition });
    this.say(`refused outside ${host.name} ${fence.epoch} ${fence.token}`);
    if (row?.owner === `${host.name}/${fence.token}` && !this.isClockBack)
      this.violated(`the outside refuses ${row.owner}, which owns the partition`);
  }

  /** The component has begun on a partition after what was there. */
  begunLate(partition: number): void {
    for (const channel of this.#channels)
      for (const { fields } of this.#streamOf(partition, channel)?.entries ?? []) this.#passedOver.add(idIn(fields));
  }

  /** After each change of the server's data. */
  look(): void {
    for (let partition = 0; partition < this.#partitions; partition++) {
      const row = rowOf(this.#server, { component: this.#component, partition });
      if (row === undefined || row === this.#lastRows.get(partition)) continue;
      this.#checkRow(partition, row);
      this.#lastRows.set(partition, row);
      if (this.isBlind) continue;
      const effects = this.effectsIn(partition);
      for (const [id, count] of effects.outputs)
        if (count > 1) this.violated(`${id} has its effect ${count} times in partition ${partition}`);
      for (const [name, count] of effects.dead)
        if (count > 1 && !this.isClockBack) this.violated(`${name} has ${count} dead letters`);
      for (const channel of this.#channels) this.#checkPosition(partition, row, channel, effects);
    }
  }

  effectsIn(partition: number): Effects {
    const outputs = new Map<string, number>();
    for (const name of ["sound", "frail"]) {
      for (const { fields } of this.#server.keys.stream(keyOf.stream(partition, name))?.entries ?? []) {
        const source = fields[5] as string;
        outputs.set(source, (outputs.get(source) ?? 0) + 1);
      }
    }
    const dead = new Map<string, number>();
    for (const channel of this.#channels) {
      const letters = this.#server.keys.stream(keyOf.dead(partition, channel, this.#component));
      for (const { fields } of letters?.entries ?? []) {
        const name = `${channel}/${fields[fields.indexOf("dead-entry") + 1]}`;
        dead.set(name, (dead.get(name) ?? 0) + 1);
      }
    }
    return { outputs, dead };
  }

  #checkRow(partition: number, row: Row): void {
    const last = this.#lastRows.get(partition);
    if (last?.owner === row.owner) return;
    this.say(`row ${partition} ${row.owner} deaths ${row.deaths}`);
    const [member = ""] = row.owner.split("/", 1);
    if (row.owner !== "" && row.epoch <= (this.#seenEpochs.get(`${member} ${partition}`) ?? 0))
      this.violated(`${member} takes partition ${partition} with an epoch that it has seen before`);
    this.#ownerChanges.set(partition, (this.#ownerChanges.get(partition) ?? 0) + 1);
    const highest = this.#highestEpochs.get(partition) ?? 0;
    if (row.owner !== "" && row.epoch <= highest && !this.isClockBack)
      this.violated(`partition ${partition} is taken with an epoch that was there before`);
    this.#highestEpochs.set(partition, Math.max(highest, row.epoch));
    if (last === undefined) return;
    if (row.deaths > last.deaths && last.owner.startsWith(`${member}/`))
      this.violated(`${member} takes itself for dead`);
    if (row.epoch < last.epoch) this.violated(`the epoch of partition ${partition} falls`);
    if (row.epoch === last.epoch && row.owner !== last.owner && row.owner !== "")
      this.violated(`the owner of partition ${partition} changes within an epoch`);
  }

  #checkPosition(partition: number, row: Row, channel: string, { outputs, dead }: Effects): void {
    const slice = { component: this.#component, partition };
    const stream = this.#server.keys.stream(keyOf.stream(partition, channel));
    const position = row.positions.get(channel);
    // Of a stream that is another one by now the row says nothing until it is taken again.
    if (stream === undefined || position === undefined || compareIds(stream.lastId, position.at) < 0) return;
    const group = stream.groups.get(this.#component);
    if (group !== undefined && group.at !== position.at)
      this.violated(`the group of ${channel} stands at ${group.at}, the row at ${position.at}`);
    for (const entry of stream.entries) {
      const id = idIn(entry.fields);
      const isDone = isFinished(this.#server, row, slice, channel, entry.id);
      const hasOutput = outputs.has(id);
      const isDead = dead.has(`${channel}/${entry.id}`);
      if (hasOutput && isDead) this.violated(`${id} has an effect and a dead letter`);
      if (!isDone && (hasOutput || isDead)) this.violated(`${id} is settled, and the row names it as unfinished`);
      if (isDone && !this.#isBacked(id, hasOutput, isDead))
        this.violated(`${id} counts as finished without its effect`);
      const counted = attemptsOf(this.#server, slice, channel).get(entry.id);
      const isParked = counted?.isParked === true;
      // An attempt may be counted whose owner was lost before its handler began.
      const most = (this.starts.get(id) ?? 0) + (this.#ownerChanges.get(partition) ?? 0);
      if ((counted?.attempt ?? 0) > most)
        this.violated(`${counted?.attempt} attempts at ${id} are counted, and ${most} were begun at most`);
      if (isParked && group?.pending.has(entry.id) === false)
        this.violated(`${id} is parked, and the group does not show it`);
      if (isDone && group?.pending.has(entry.id) === true) this.violated(`${id} is finished, and pending in the group`);
    }
  }

  #isBacked(id: string, hasOutput: boolean, isDead: boolean): boolean {
    if (isDead || this.#passedOver.has(id)) return true;
    return this.#planned.get(id)?.effect === "none" ? this.#handled.has(id) : hasOutput;
  }

  #partitionWith({ channel, entryId, id }: Event<unknown>): number | undefined {
    for (let partition = 0; partition < this.#partitions; partition++) {
      const stream = this.#streamOf(partition, channel);
      if (stream?.entries.some((entry: Entry) => entry.id === entryId && idIn(entry.fields) === id)) return partition;
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
