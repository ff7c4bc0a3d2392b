/** A component's keyed state: a cache in front of the store, checked by version when a settlement commits. */

import { ChannelError, ConfigError } from "../model/errors.ts";
import { requireWellFormed } from "../model/well-formed-text.ts";
import type { StateRead, StateWrite } from "../ports/store.ts";
import type { StateStore } from "./subscription.ts";

/** Most keys and characters kept in memory; the least recently used go first. */
const maxCachedKeys = 20_000;
const maxCachedLength = 32 * 1_048_576;

interface Cached {
  readonly version: string;
  /** Undefined: the key is known to be absent. */
  readonly json: string | undefined;
  /** Purges before the value, or the one that it follows from, was read from the store. */
  readonly lineage: number;
}

/** What an attempt knew of a key, and how many purges there had been by then. */
interface Known {
  readonly store: string;
  readonly key: string;
  readonly at: number;
}

/** Reads a key from the store. */
export type ReadState = (store: string, key: string) => Promise<{ version: string; json: string | undefined }>;

/**
 * The newest value that this member knows for each key, settled or about to be. It may be wrong: another member may have
 * written, or a settlement that wrote it may fail. Then the version that a later settlement has read is not the store's, and it
 * is refused as a conflict. By that time others have read what it wrote, and more follow from theirs: all of that lineage is purged
 * at once, and what conflicts later because of it purges nothing that was read anew since. Otherwise those who run again would build on
 * values that are doomed already, and none would ever get through.
 */
export class StateCache {
  readonly #read: ReadState;
  readonly #cached = new Map<string, Cached>();
  readonly #versionPrefix: string;
  #length = 0;
  #writes = 0;
  #purges = 0;

  /** `memberNonce` makes this member's versions differ from every other's. */
  constructor(memberNonce: string, read: ReadState) {
    this.#versionPrefix = memberNonce;
    this.#read = read;
  }

  /** A fresh view for one attempt of the component, which may write so many keys. */
  view(component: string, maxWrites: number): StateView {
    return new StateView(this, component, maxWrites);
  }

  /** A version that no write had before. */
  nextVersion(): string {
    return `${this.#versionPrefix}.${(++this.#writes).toString(36)}`;
  }

  /** How many purges there have been. */
  get purges(): number {
    return this.#purges;
  }

  async get(store: string, key: string): Promise<Cached> {
    const name = nameOf(store, key);
    const known = this.#touch(name);
    if (known !== undefined) return known;
    const found = await this.#read(store, key);
    // While the read travelled, a delivery of this member may have written the key: its value is the newer one.
    const written = this.#touch(name);
    if (written !== undefined) return written;
    const value = { ...found, lineage: this.#purges };
    this.#put(name, value);
    return value;
  }

  /**
   * Whether an attempt may still commit that has seen this version: nobody here has written the key since. A key that is
   * not cached was purged, or it was the least recently used and only the store can tell.
   */
  isCurrent({ store, key, version }: StateRead, at: number): boolean {
    const cached = this.#cached.get(nameOf(store, key));
    return cached === undefined ? this.#purges === at : cached.version === version;
  }

  put({ store, key, version, json }: StateWrite): void {
    const name = nameOf(store, key);
    const lineage = this.#cached.get(name)?.lineage ?? this.#purges;
    this.#put(name, { version: json === undefined ? "" : version, json, lineage });
  }

  /** An attempt that knew these keys has failed to commit. */
  purge(keys: Iterable<Known>): void {
    let purged = false;
    for (const { store, key, at } of keys) {
      const name = nameOf(store, key);
      const cached = this.#cached.get(name);
      if (cached === undefined || cached.lineage > at) continue;
      this.#length -= cached.json?.length ?? 0;
      this.#cached.delete(name);
      purged = true;
    }
    if (purged) this.#purges++;
  }

  /** Moves the key to the young end. */
  #touch(name: string): Cached | undefined {
    const known = this.#cached.get(name);
    if (known === undefined) return undefined;
    this.#cached.delete(name);
    this.#cached.set(name, known);
    return known;
  }

  #put(name: string, value: Cached): void {
    this.#length += (value.json?.length ?? 0) - (this.#cached.get(name)?.json?.length ?? 0);
    this.#cached.delete(name);
    this.#cached.set(name, value);
    for (const [oldest, { json }] of this.#cached) {
      if (this.#cached.size <= maxCachedKeys && this.#length <= maxCachedLength) break;
      this.#cached.delete(oldest);
      this.#length -= json?.length ?? 0;
    }
  }
}

const none: readonly never[] = Object.freeze([]);

/** What one attempt has read and wants to write. Thrown away if the attempt fails. */
export class StateView {
  readonly #cache: StateCache;
  readonly #component: string;
  readonly #maxWrites: number;
  /** Made when they are first needed: most attempts have no state. */
  #reads: Map<string, StateRead & Known> | undefined;
  #writes: Map<string, { store: string; key: string; json: string | undefined }> | undefined;
  #committedAt = 0;
  /** Why nothing can be read or written any more; undefined while it can. */
  #end: string | undefined;

  constructor(cache: StateCache, component: string, maxWrites: number) {
    this.#cache = cache;
    this.#component = component;
    this.#maxWrites = maxWrites;
  }

  store<V>(store: string): StateStore<V> {
    return {
      get: async (key) => {
        const json = await this.#get(store, key);
        return json === undefined ? undefined : (JSON.parse(json) as V);
      },
      set: (key, value) => {
        const json = JSON.stringify(value);
        if (json === undefined) throw new TypeError(`state "${store}", key "${key}": the value has no JSON form`);
        this.#write(store, key, json);
      },
      delete: (key) => {
        this.#write(store, key, undefined);
      },
    };
  }

  /** Nothing can be read or written from now on, for a reason that follows "it was used". */
  end(end: string): void {
    this.#end = end;
  }

  get reads(): readonly StateRead[] {
    return this.#reads === undefined ? none : [...this.#reads.values()];
  }

  /**
   * Gives the writes their versions and shows them to the attempts that follow. Undefined, and nothing shown, when another
   * attempt of this member has overtaken this one, so that its settlement would be a conflict for certain.
   */
  commit(): readonly StateWrite[] | undefined {
    for (const read of this.#reads?.values() ?? none) if (!this.#cache.isCurrent(read, read.at)) return undefined;
    if (this.#writes === undefined) return none;
    this.#committedAt = this.#cache.purges;
    const version = this.#cache.nextVersion();
    const writes = [...this.#writes.values()].map((write) => ({ ...write, version }));
    for (const write of writes) this.#cache.put(write);
    return writes;
  }

  /** The attempt's settlement did not commit: nothing that it has read or written can be trusted. */
  forget(): void {
    const written = [...(this.#writes?.values() ?? none)].map(({ store, key }) => ({
      store,
      key,
      at: this.#committedAt,
    }));
    this.#cache.purge([...(this.#reads?.values() ?? none), ...written]);
  }

  #require(store: string, key: string): void {
    if (this.#end !== undefined) throw new ChannelError(`state "${store}" was used ${this.#end}`);
    requireWellFormed("the state key", key);
  }

  #write(store: string, key: string, json: string | undefined): void {
    this.#require(store, key);
    this.#writes ??= new Map();
    const name = nameOf(store, key);
    if (this.#writes.size >= this.#maxWrites && !this.#writes.has(name)) {
      throw new ConfigError(
        `component "${this.#component}": an attempt writes up to ${this.#maxWrites} keys of state (maxOutputs): Redis does nothing else ` +
          "while they are settled. Use several events, each for a part of them",
      );
    }
    this.#writes.set(name, { store, key, json });
  }

  async #get(store: string, key: string): Promise<string | undefined> {
    this.#require(store, key);
    const name = nameOf(store, key);
    const own = this.#writes?.get(name);
    if (own !== undefined) return own.json;
    const { version, json } = await this.#cache.get(store, key);
    // A key that is read twice must have kept its version, or the attempt mixes two states: the first version is what is
    // compared at the settlement, so that it then conflicts.
    this.#reads ??= new Map();
    if (!this.#reads.has(name)) this.#reads.set(name, { store, key, version, at: this.#cache.purges });
    return json;
  }
}

function nameOf(store: string, key: string): string {
  return `${store}\n${key}`;
}
