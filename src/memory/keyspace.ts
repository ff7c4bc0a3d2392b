/** What the store in memory holds: plain values under keys, as a server has them, and the refusals that a server gives. */

import { compareIds } from "../model/entry-ids.ts";
import { StoreRefusal } from "../model/errors.ts";

export interface Entry {
  readonly id: string;
  /** Names and values in turn. */
  readonly fields: readonly string[];
}

/** A consumer group: what people and tools see of a component. Nothing is decided by it while the owner's row is there. */
export interface Group {
  /** The group's last delivered id. */
  at: string;
  entriesRead: number | undefined;
  consumers: Set<string>;
  /** Entry id → consumer. */
  pending: Map<string, string>;
}

export interface Stream {
  readonly type: "stream";
  /** In the order of their ids. */
  entries: Entry[];
  lastId: string;
  /** Entries that were ever added. */
  added: number;
  /** The greatest id that was removed by itself; not those of which a full channel made room. */
  maxDeleted: string;
  groups: Map<string, Group>;
}

export interface Hash<V> {
  readonly type: "hash";
  readonly fields: Map<string, V>;
}

/** Anything else that somebody may have put under one of our keys. */
export interface Foreign {
  readonly type: "string";
}

type Value = Stream | Hash<unknown> | Foreign;

/** The server's text for what it refuses. */
export class Refusal extends StoreRefusal {}

export class Keyspace {
  #values = new Map<string, Value>();
  /** Keys that may not be touched: a permission that was withdrawn. */
  readonly forbidden: Set<string> = new Set();

  /** @throws {Refusal} */
  stream(key: string): Stream | undefined {
    return this.#typed(key, "stream") as Stream | undefined;
  }

  /** @throws {Refusal} */
  madeStream(key: string): Stream {
    const there = this.stream(key);
    if (there !== undefined) return there;
    const made: Stream = { type: "stream", entries: [], lastId: "0-0", added: 0, maxDeleted: "0-0", groups: new Map() };
    this.#values.set(key, made);
    return made;
  }

  /** @throws {Refusal} */
  hash<V>(key: string): Map<string, V> | undefined {
    return (this.#typed(key, "hash") as Hash<V> | undefined)?.fields;
  }

  /** @throws {Refusal} */
  madeHash<V>(key: string): Map<string, V> {
    const there = this.hash<V>(key);
    if (there !== undefined) return there;
    const made: Hash<V> = { type: "hash", fields: new Map() };
    this.#values.set(key, made);
    return made.fields;
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  clear(): void {
    this.#values.clear();
  }

  /** Puts a value of another type there, and gives back what puts things right again. */
  spoil(key: string): () => void {
    const before = this.#values.get(key);
    this.#values.set(key, { type: "string" });
    return () => {
      if (this.#values.get(key)?.type !== "string") return;
      if (before === undefined) this.#values.delete(key);
      else this.#values.set(key, before);
    };
  }

  /**
   * All that is there, as a replica has it; with `prefix` what begins so: a node's part. Rows and records are replaced, never changed, so that a
   * copy of the maps is enough.
   */
  copy(prefix = ""): ReadonlyMap<string, Value> {
    const there = [...this.#values].filter(([key]) => key.startsWith(prefix));
    return new Map(there.map(([key, value]) => [key, copyOf(value)]));
  }

  restore(copy: ReadonlyMap<string, Value>, prefix = ""): void {
    const rest = [...this.#values].filter(([key]) => !key.startsWith(prefix));
    this.#values = new Map([...rest, ...[...copy].map(([key, value]) => [key, copyOf(value)] as const)]);
  }

  keys(): readonly string[] {
    return [...this.#values.keys()];
  }

  #typed(key: string, type: Value["type"]): Value | undefined {
    if (this.forbidden.size > 0 && this.forbidden.has(key)) throw new Refusal(`NOPERM no permission to access ${key}`);
    const value = this.#values.get(key);
    if (value !== undefined && value.type !== type)
      throw new Refusal(`WRONGTYPE ${key} is a ${value.type}, not a ${type}`);
    return value;
  }
}

function copyOf(value: Value): Value {
  if (value.type === "hash") return { type: "hash", fields: new Map(value.fields) };
  if (value.type === "string") return value;
  const groups = [...value.groups].map(([name, group]): [string, Group] => [
    name,
    { ...group, consumers: new Set(group.consumers), pending: new Map(group.pending) },
  ]);
  return { ...value, entries: [...value.entries], groups: new Map(groups) };
}

type Key = (partition: number, name: string) => string;
type LongKey = (partition: number, name: string, other: string) => string;

/** The keys of one partition, and of a component in it. Each is made once: to look up a text that was just put together costs more than the rest of a call. */
export const keyOf: {
  readonly stream: Key;
  readonly dead: LongKey;
  readonly owner: Key;
  readonly attempts: LongKey;
  readonly state: LongKey;
  readonly dedupe: Key;
  /** Outputs of a slice for another partition, and at that partition what has come of them. */
  readonly relay: LongKey;
  readonly relayed: LongKey;
  readonly members: (component: string) => string;
} = {
  stream: remembered((partition, channel) => `{${partition}}:${channel}`),
  dead: longRemembered((partition, channel, component) => `{${partition}}:${channel}:dead:${component}`),
  owner: remembered((partition, component) => `{${partition}}:owner:${component}`),
  attempts: longRemembered((partition, channel, component) => `{${partition}}:${channel}:attempts:${component}`),
  state: longRemembered((partition, component, store) => `{${partition}}:state:${component}:${store}`),
  dedupe: remembered((partition, channel) => `{${partition}}:${channel}:dedupe`),
  relay: longRemembered((partition, component, to) => `{${partition}}:relay:${component}:${to}`),
  relayed: longRemembered((partition, component, from) => `{${partition}}:relayed:${component}:${from}`),
  members: (component) => `members:${component}`,
};

function remembered(make: Key): Key {
  const made: Map<string, string>[] = [];
  return (partition, name) => {
    made[partition] ??= new Map();
    const known = made[partition].get(name);
    if (known !== undefined) return known;
    const key = make(partition, name);
    made[partition].set(name, key);
    return key;
  };
}

function longRemembered(make: LongKey): LongKey {
  const made = new Map<string, Key>();
  return (partition, name, other) => {
    let keys = made.get(other);
    if (keys === undefined) {
      keys = remembered((at, of) => make(at, of, other));
      made.set(other, keys);
    }
    return keys(partition, name);
  };
}

/** Appends with the next id by the server's clock; ids rise even when the clock goes back. */
export function append(stream: Stream, fields: readonly string[], now: number): string {
  const { lastId } = stream;
  const dash = lastId.indexOf("-");
  const ms = Number(lastId.slice(0, dash));
  const id = now > ms ? `${now}-0` : `${ms}-${Number(lastId.slice(dash + 1)) + 1}`;
  stream.entries.push({ id, fields });
  stream.lastId = id;
  stream.added++;
  return id;
}

/** Where the first entry after `id` stands. */
export function placeAfter({ entries }: Stream, id: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareIds((entries[middle] as Entry).id, id) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function entryOf(stream: Stream | undefined, id: string): Entry | undefined {
  if (stream === undefined) return undefined;
  const entry = stream.entries[placeAfter(stream, id) - 1];
  return entry?.id === id ? entry : undefined;
}

/** Not there although nobody has removed it: the server has gone back. */
export function isVanished(stream: Stream | undefined, id: string): boolean {
  if (stream === undefined || compareIds(stream.lastId, id) < 0) return true;
  const [first] = stream.entries;
  if (first === undefined || compareIds(first.id, id) > 0 || entryOf(stream, id) !== undefined) return false;
  return compareIds(stream.maxDeleted, id) < 0;
}

/** XDEL. */
export function remove(stream: Stream, id: string): void {
  const at = placeAfter(stream, id) - 1;
  if (stream.entries[at]?.id !== id) return;
  stream.entries.splice(at, 1);
  if (compareIds(id, stream.maxDeleted) > 0) stream.maxDeleted = id;
}
