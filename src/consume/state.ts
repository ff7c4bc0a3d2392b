/** A component's keyed state in a partition: one owner writes it, so what it has cached is right for as long as it owns the partition. */

import { ChannelError, ConfigError } from "../model/errors.ts";
import { requireWellFormed } from "../model/well-formed-text.ts";
import type { StateKey } from "../ports/read.ts";
import type { StateChange } from "../ports/settle.ts";
import type { StateStore } from "./subscription.ts";

/** Most keys and characters kept in memory; the least recently used go first, once they are settled. */
const maxKeys = 20_000;
const maxLength = 32 * 1_048_576;

/** A value as one attempt wrote it, or as it was read. Another value is another cell. */
class Cell {
  /** Undefined: the key is absent. */
  readonly json: string | undefined;
  /** What the store has is older: its settlement is not answered yet. */
  isUnsettled: boolean;

  constructor(json: string | undefined, isUnsettled: boolean) {
    this.json = json;
    this.isUnsettled = isUnsettled;
  }
}

/** A value that an attempt wants to write. */
class Write implements StateChange {
  readonly name: string;
  readonly store: string;
  readonly key: string;
  readonly json: string | undefined;

  constructor(name: string, { store, key }: StateKey, json: string | undefined) {
    this.name = name;
    this.store = store;
    this.key = key;
    this.json = json;
  }
}

export class State {
  /**
   * By name: those that were used since the last turn, and of the others those that were used in the one before. Nothing is deleted from them:
   * V8's map would be laid out anew again and again, as with `RollingMap`.
   */
  #young = new Map<string, Cell>();
  #old: ReadonlyMap<string, Cell> = new Map();
  /** Keys that have come to the young ones, and their characters, without those that had to stay. */
  #added = 0;
  readonly #read: (keys: readonly StateKey[]) => Promise<readonly (string | undefined)[]>;
  readonly #soon: (run: () => void) => void;
  /** Reads of this turn: they travel together. */
  #asked: {
    readonly key: StateKey;
    readonly resolve: (json: string | undefined) => void;
    reject(error: unknown): void;
  }[] = [];
  #length = 0;
  #evictions = 0;

  constructor(
    read: (keys: readonly StateKey[]) => Promise<readonly (string | undefined)[]>,
    soon: (run: () => void) => void,
  ) {
    this.#read = read;
    this.#soon = soon;
  }

  /** A promise only where it is not in memory. */
  cell(key: StateKey, name: string = nameOf(key)): Cell | Promise<Cell> {
    return this.#touch(name) ?? this.#load(name, key);
  }

  #touch(name: string): Cell | undefined {
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    if (old !== undefined) this.#put(name, old);
    return old;
  }

  async #load(name: string, key: StateKey): Promise<Cell> {
    for (;;) {
      const evictions = this.#evictions;
      const json = await this.#ask(key);
      // While the read travelled, another handler may have written the key.
      const written = this.#touch(name);
      if (written !== undefined) return written;
      // What was written meanwhile may have made room again.
      if (evictions !== this.#evictions) continue;
      const cell = new Cell(json, false);
      this.#put(name, cell);
      return cell;
    }
  }

  /** Whether it is still the newest value. One that had to make room counts as changed. */
  isCurrent(name: string, cell: Cell): boolean {
    return (this.#young.get(name) ?? this.#old.get(name)) === cell;
  }

  write(name: string, json: string | undefined): Cell {
    const cell = new Cell(json, true);
    this.#put(name, cell);
    return cell;
  }

  #ask(key: StateKey): Promise<string | undefined> {
    if (this.#asked.length === 0) this.#soon(() => this.#readAsked());
    return new Promise((resolve, reject) => this.#asked.push({ key, resolve, reject }));
  }

  #readAsked(): void {
    const asked = this.#asked;
    this.#asked = [];
    this.#read(asked.map(({ key }) => key)).then(
      (values) => {
        for (const [i, { resolve }] of asked.entries()) resolve(values[i]);
      },
      (error: unknown) => {
        for (const { reject } of asked) reject(error);
      },
    );
  }

  #put(name: string, cell: Cell): void {
    const before = this.#young.get(name);
    this.#young.set(name, cell);
    if (before === undefined) this.#added++;
    this.#length += (cell.json?.length ?? 0) - (before?.json?.length ?? 0);
    if (this.#added > maxKeys / 2 || this.#length > maxLength / 2) this.#turn();
  }

  /** The old ones go, but for those of which the store has an older value. */
  #turn(): void {
    const gone = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    this.#added = 0;
    this.#length = 0;
    for (const [name, cell] of gone) {
      if (this.#old.has(name)) continue;
      if (cell.isUnsettled) this.#young.set(name, cell);
      else this.#evictions++;
    }
  }
}

/** What one attempt has read and wants to write. Thrown away if the attempt fails. */
export class StateView {
  readonly #state: State;
  readonly #component: string;
  readonly #maxWrites: number;
  /** Why nothing can be read or written any more, as what follows "it was used"; undefined while something can. */
  #end: string | undefined;
  /** Made when they are first needed: most attempts have no state. */
  #reads: Map<string, Cell> | undefined;
  #writes: Map<string, Write> | undefined;
  #written: readonly Cell[] = none;

  constructor(state: State, component: string, maxWrites: number) {
    this.#state = state;
    this.#component = component;
    this.#maxWrites = maxWrites;
  }

  /** Nothing can be read or written from now on. */
  end(end: string): void {
    this.#end = end;
  }

  /** `failed` is told of each failure, before whoever uses the store is. */
  store<V>(store: string, failed: (error: unknown) => void): StateStore<V> {
    const write = (key: string, value: V | undefined, isDeleted: boolean): void => {
      try {
        const json = isDeleted ? undefined : JSON.stringify(value);
        if (json === undefined && !isDeleted)
          throw new TypeError(`state "${store}", key "${key}": the value has no JSON form`);
        this.#write({ store, key }, json);
      } catch (error) {
        failed(error);
        throw error;
      }
    };
    const refused = (error: unknown): never => {
      failed(error);
      throw error;
    };
    return {
      // Not an asynchronous function: most values are in memory, and cost the one promise that they are returned in.
      get: (key) => {
        try {
          const cell = this.#read({ store, key });
          return cell instanceof Promise ? cell.then(parsed<V>).catch(refused) : Promise.resolve(parsed<V>(cell));
        } catch (error) {
          failed(error);
          return Promise.reject(error);
        }
      },
      set: (key, value) => write(key, value, false),
      delete: (key) => write(key, undefined, true),
    };
  }

  /**
   * Shows what was written to the attempts that follow. Undefined, and nothing shown, when another handler of this owner has changed
   * meanwhile what this one had read: it runs again.
   */
  commit(): readonly StateChange[] | undefined {
    for (const [name, cell] of this.#reads ?? none) if (!this.#state.isCurrent(name, cell)) return undefined;
    if (this.#writes === undefined) return noChanges;
    const changes = Array.from(this.#writes.values());
    this.#written = changes.map(({ name, json }) => this.#state.write(name, json));
    return changes;
  }

  /** Names of all that was read or written: a settlement must not overtake another one on them. */
  get names(): readonly string[] {
    const reads = this.#reads;
    const writes = this.#writes;
    if (writes === undefined) return reads === undefined ? noNames : Array.from(reads.keys());
    const names = Array.from(writes.keys());
    for (const name of reads?.keys() ?? noNames) if (!writes.has(name)) names.push(name);
    return names;
  }

  /** The store has what was written. */
  settled(): void {
    for (const cell of this.#written) cell.isUnsettled = false;
  }

  #require({ store, key }: StateKey): void {
    if (this.#end !== undefined) throw new ChannelError(`state "${store}" was used ${this.#end}`);
    requireWellFormed("the state key", key);
  }

  #write(key: StateKey, json: string | undefined): void {
    this.#require(key);
    this.#writes ??= new Map();
    const name = nameOf(key);
    if (this.#writes.size >= this.#maxWrites && !this.#writes.has(name)) {
      throw new ConfigError(
        `component "${this.#component}": an attempt writes up to ${this.#maxWrites} keys of state (maxOutputs): the store does nothing ` +
          "else while they are settled. Use several events, each for a part of them",
      );
    }
    this.#writes.set(name, new Write(name, key, json));
  }

  #read(key: StateKey): Read | Promise<Read> {
    this.#require(key);
    const name = nameOf(key);
    const own = this.#writes?.get(name);
    if (own !== undefined) return own;
    const cell = this.#state.cell(key, name);
    return cell instanceof Promise ? cell.then((read) => this.#seen(name, read)) : this.#seen(name, cell);
  }

  /** The first one that was seen counts: who reads two states of a key must not commit. */
  #seen(name: string, cell: Cell): Cell {
    this.#reads ??= new Map();
    if (!this.#reads.has(name)) this.#reads.set(name, cell);
    return cell;
  }
}

/** What a read finds. */
type Read = Pick<Cell, "json">;

function parsed<V>({ json }: Read): V | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as V);
}

const none: readonly never[] = Object.freeze([]);
const noNames: readonly string[] = none;
const noChanges: readonly StateChange[] = none;

function nameOf({ store, key }: StateKey): string {
  return `${store}\n${key}`;
}
