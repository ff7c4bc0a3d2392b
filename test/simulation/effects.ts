/** What the log has of the events: their outputs, and the dead letters of their entries, counted on as they come. */

import { type Entry, keyOf } from "../../src/memory/keyspace.ts";
import type { MemoryServer } from "../../src/memory/server.ts";

/** A component, the channels that it reads, and those that only it writes to. */
export interface Watched {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

const noEntries: readonly Entry[] = [];

/** How often the entries of some streams name each thing. */
class Tally {
  readonly #nameOf: (entry: Entry) => string;
  /** The streams' entries, and how many of each are counted. */
  #lists: { readonly entries: readonly Entry[]; counted: number }[] = [];
  readonly counts = new Map<string, number>();
  /** Those that are named more than once. */
  readonly repeated = new Set<string>();

  constructor(nameOf: (entry: Entry) => string) {
    this.#nameOf = nameOf;
  }

  /** `onNew` is told of each that has come since, not of those that are counted anew. */
  count(lists: readonly (readonly Entry[])[], onNew: (name: string) => void = () => undefined): void {
    // A stream that was deleted, or that a failover has taken back, has another list.
    const isSame = lists.every((entries, i) => {
      const before = this.#lists[i];
      return before?.entries === entries && before.counted <= entries.length;
    });
    if (!isSame) {
      this.#lists = lists.map((entries) => ({ entries, counted: 0 }));
      this.counts.clear();
      this.repeated.clear();
    }
    for (const list of this.#lists) {
      for (; list.counted < list.entries.length; list.counted++) {
        const name = this.#nameOf(list.entries[list.counted] as Entry);
        const count = (this.counts.get(name) ?? 0) + 1;
        this.counts.set(name, count);
        if (count > 1) this.repeated.add(name);
        if (isSame) onNew(name);
      }
    }
  }
}

export class Effects {
  readonly #server: MemoryServer;
  readonly #component: string;
  readonly #outputChannels: readonly string[];
  readonly #partitions: readonly number[];
  /** By the event that an output comes from. */
  readonly #outputs = new Tally(({ fields }) => fields[5] as string);
  /** Likewise of those that wait for another node, or were moved there lately. */
  readonly #relayed = new Tally(({ fields }) => fields[9] as string);
  /** For each channel and partition by entry id. */
  readonly #letters = new Map<string, readonly Tally[]>();

  constructor(server: MemoryServer, { name, inputs, outputs }: Watched, partitions: number) {
    this.#server = server;
    this.#component = name;
    this.#outputChannels = outputs;
    this.#partitions = Array.from({ length: partitions }, (_, partition) => partition);
    const tallies = (): readonly Tally[] =>
      this.#partitions.map(() => new Tally(({ fields }) => fields[fields.indexOf("dead-entry") + 1] as string));
    for (const channel of inputs) this.#letters.set(channel, tallies());
  }

  /** Counts what has come; `onOutput` is told from which event each new output comes. */
  count(onOutput?: (eventId: string) => void): void {
    const { keys } = this.#server;
    const lists: (readonly Entry[])[] = [];
    for (const channel of this.#outputChannels)
      for (const partition of this.#partitions)
        lists.push(keys.stream(keyOf.stream(partition, channel))?.entries ?? noEntries);
    this.#outputs.count(lists, onOutput);
    if (this.#server.relays) {
      const relays = this.#partitions.flatMap((from) =>
        this.#partitions.map((to) => keys.stream(keyOf.relay(from, this.#component, String(to)))?.entries ?? noEntries),
      );
      this.#relayed.count(relays);
    }
    for (const [channel, tallies] of this.#letters)
      for (const partition of this.#partitions)
        tallies[partition]?.count([keys.stream(keyOf.dead(partition, channel, this.#component))?.entries ?? noEntries]);
  }

  hasOutput(eventId: string): boolean {
    return this.#outputs.counts.has(eventId) || this.#relayed.counts.has(eventId);
  }

  /** Sources of outputs that are in a relay, and not where they are to be. */
  *onTheWay(): Iterable<string> {
    for (const id of this.#relayed.counts.keys()) if (!this.#outputs.counts.has(id)) yield id;
  }

  isDead(partition: number, channel: string, entryId: string): boolean {
    return this.#letters.get(channel)?.[partition]?.counts.has(entryId) === true;
  }

  /** What has an effect, or a dead letter, more than once, as a sentence's end. */
  *repeated(isClockBack: boolean): Iterable<string> {
    for (const id of this.#outputs.repeated) yield `${id} has its effect ${this.#outputs.counts.get(id)} times`;
    // A clock that was set back gives the same ids again.
    if (isClockBack) return;
    for (const [channel, tallies] of this.#letters)
      for (const { repeated, counts } of tallies)
        for (const entryId of repeated) yield `${channel}/${entryId} has ${counts.get(entryId)} dead letters`;
  }
}
