/** Reads Redis for the read side. Every command only reads, and may be sent again after a lost reply. */

import type { StreamCounts } from "../../model/channel-damage.ts";
import { greatestId, idBefore, isUpTo } from "../../model/entry-ids.ts";
import { messageOf } from "../../model/error-message.ts";
import { StoreError } from "../../model/errors.ts";
import type { RecordedSettlement } from "../../model/recorded-settlement.ts";
import type { ServersPlace } from "../../model/servers.ts";
import { positionKey, readPosition, type SavedPosition, sliceOfSource } from "../../model/source-names.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { TlsOptions } from "../../model/tls-options.ts";
import type {
  Catalogue,
  Follower,
  Inspector,
  LogStream,
  MemberFacts,
  OpenDelivery,
  OwnerFacts,
  PageRange,
  RelayFacts,
  ReplayRun,
  StreamFacts,
} from "../../ports/inspect.ts";
import type { Log } from "../../ports/log.ts";
import type { RunRequest } from "../../ports/replay-runs.ts";
import type { Quietly } from "../../ports/tracing.ts";
import type { Connection } from "../client/connection.ts";
import { type Topology, topologyOf } from "../client/topology.ts";
import { Keys, replayKeys } from "../keys.ts";
import { parseMember } from "../member-record.ts";
import { stateJson } from "../state-value.ts";
import { catalogueOf, emptyCatalogue } from "./catalogue.ts";
import { RedisFollower, type Row } from "./follower.ts";
import { GroupReader, memberIn, toMap } from "./group-reader.ts";
import { PatientReads, patienceWith } from "./patient-reads.ts";
import { RangeReader } from "./range-reader.ts";
import { relayFacts } from "./relay-facts.ts";
import { parseSettlement } from "./settlement-log.ts";

export interface InspectorOptions extends ServersPlace {
  readonly tls?: TlsOptions | undefined;
  /** In place of `url` and the others, as a connection has it. */
  readonly topology?: Topology | undefined;
  readonly namespace: string;
  /** Partitions to assume for a namespace that nothing has used yet. Without it such a namespace has no catalogue. */
  readonly partitions?: () => number;
  readonly log: Log;
  readonly quietly?: Quietly | undefined;
  /** Longest time that a call waits for a Redis that is away, ms. Default 3,000; 6,000 where the server has to be found first. */
  readonly patienceMs?: number;
}

/** Least number of entries for which a page gets a connection of its own. */
const minDecoded = 64;

/** About how many keys of a component's state are read at once. */
const stateScan = 500;

/** Reads a namespace. Connects at the first call. @throws {ConfigError} on a URL that cannot be read */
export class RedisInspector implements Inspector {
  readonly namespace: string;
  readonly #options: InspectorOptions & { readonly topology: Topology };
  readonly #keys: Keys;
  readonly #reads: PatientReads;
  readonly #connection: Connection;
  readonly #groups: GroupReader;
  /** The connection for long pages, opened with the first one. */
  #pages: RangeReader | undefined;

  constructor(options: InspectorOptions) {
    this.namespace = options.namespace;
    const topology = options.topology ?? topologyOf(options, options.tls);
    this.#options = { ...options, topology };
    this.#keys = new Keys(options.namespace);
    const { namespace, quietly } = options;
    const patienceMs = options.patienceMs ?? patienceWith(topology);
    this.#reads = new PatientReads({ topology, key: this.#keys.meta(), namespace, patienceMs, quietly });
    this.#connection = this.#reads.open("inspect");
    this.#groups = new GroupReader(this.#keys, (command, ...args) => this.#ask(command, ...args));
  }

  async now(): Promise<number> {
    const [seconds, micros] = (await this.#ask("TIME")) as [string, string];
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  /** A component's state as it was last settled, JSON; undefined where the key is absent. */
  async state(partition: number, component: string, store: string, key: string): Promise<string | undefined> {
    const value = (await this.#ask("HGET", this.#keys.state(partition, component, store), key)) as string | null;
    return stateJson(value ?? undefined);
  }

  /** A component's state in one partition as it was last settled, JSON by key, each key once. */
  async *states(
    partition: number,
    component: string,
    store: string,
  ): AsyncGenerator<readonly [key: string, json: string], void, undefined> {
    const key = this.#keys.state(partition, component, store);
    // Redis gives a key again where the hash changes its size meanwhile.
    const given = new Set<string>();
    let cursor = "0";
    do {
      const [next, pairs] = (await this.#ask("HSCAN", key, cursor, "COUNT", String(stateScan))) as [string, string[]];
      cursor = next;
      for (let i = 0; i + 1 < pairs.length; i += 2) {
        const [name = "", value = ""] = pairs.slice(i, i + 2);
        if (given.has(name)) continue;
        given.add(name);
        yield [name, stateJson(value)];
      }
    } while (cursor !== "0");
  }

  async catalogue(): Promise<Catalogue | undefined> {
    const meta = toMap((await this.#ask("HGETALL", this.#keys.meta())) as string[]);
    if (meta.size > 0) return catalogueOf(this.namespace, meta);
    const partitions = this.#options.partitions?.();
    return partitions === undefined ? undefined : emptyCatalogue(partitions);
  }

  async streamFacts(stream: LogStream, components: readonly string[] = []): Promise<StreamFacts | undefined> {
    const counts = await this.counts(stream);
    if (counts === undefined) return undefined;
    return { ...counts, groups: await this.#groups.factsOf(stream, components, counts.lastEntryId, await this.now()) };
  }

  async counts(stream: LogStream): Promise<StreamCounts | undefined> {
    let facts: Map<string, unknown>;
    try {
      facts = toMap((await this.#ask("XINFO", "STREAM", this.#keyOf(stream))) as unknown[]);
    } catch (error) {
      if (error instanceof StoreError && /no such key/.test(error.message)) return undefined;
      throw error;
    }
    // Read after the stream's counts: entries that retention removes in between are then not reported as lost.
    const { channel, partition } = stream;
    const trimmed = (await this.#ask("HMGET", this.#keys.trimmed(partition), channel, `accepted:${channel}`)) as (
      | string
      | null
    )[];
    const entries = Number(facts.get("length"));
    const known = Number(trimmed[0] ?? 0) + Number(trimmed[1] ?? 0);
    const lastEntryId = String(facts.get("last-generated-id"));
    const appended = Number(facts.get("entries-added") ?? entries);
    return {
      entries,
      appended,
      lastEntryId: lastEntryId === "0-0" ? "" : lastEntryId,
      removed: Math.max(0, appended - entries - known),
    };
  }

  async members(component: string): Promise<ReadonlyMap<string, MemberFacts>> {
    const reply = (await this.#ask("HGETALL", this.#keys.beats(component))) as string[];
    return new Map(
      [...toMap(reply)].flatMap(([member, text]) => {
        const record = parseMember(text);
        return record === undefined ? [] : [[member, record] as const];
      }),
    );
  }

  async owner(partition: number, component: string): Promise<OwnerFacts | undefined> {
    const key = this.#keys.owner(partition, component);
    const reply = (await this.#ask("HMGET", key, "epoch", "owner", "wanted", "deaths")) as (string | null)[];
    const [epoch = null, owner, wanted, deaths] = reply;
    if (epoch === null) return undefined;
    return { epoch: Number(epoch), member: memberIn(owner), wanted: wanted ?? "", deaths: Number(deaths ?? 0) };
  }

  relays(partition: number, component: string, partitions: number): Promise<readonly RelayFacts[]> {
    if (this.#options.topology.kind !== "cluster") return Promise.resolve([]);
    return relayFacts(this.#keys, (command, ...args) => this.#ask(command, ...args), partition, component, partitions);
  }

  async sourcePosition(partition: number, source: string): Promise<SavedPosition | undefined> {
    const json = await this.state(partition, sliceOfSource(source), positionKey.store, positionKey.key);
    try {
      return json === undefined ? undefined : readPosition(json);
    } catch (error) {
      throw new StoreError(`source "${source}", partition ${partition}: ${messageOf(error)}`, { cause: error });
    }
  }

  async page(stream: LogStream, range: PageRange, max: number): Promise<readonly StoredEntry[]> {
    if (range.from === `(${greatestId}`) return []; // Redis calls it no id
    if (!range.reverse && max >= minDecoded) return this.#decodedPage(stream, range, max);
    const bounds = range.reverse ? ["XREVRANGE", range.to, range.from] : ["XRANGE", range.from, range.to];
    const [command = "", first = "", second = ""] = bounds;
    const rows = (await this.#ask(command, this.#keyOf(stream), first, second, "COUNT", String(max))) as Row[];
    return rows.map(([entryId, fields]) => ({ channel: stream.channel, entryId, fields: fields ?? [] }));
  }

  async #decodedPage(stream: LogStream, { from, to }: PageRange, max: number): Promise<readonly StoredEntry[]> {
    this.#pages ??= new RangeReader(this.#reads.open("pages"));
    const pages = this.#pages;
    const key = this.#keyOf(stream);
    const read = () => pages.after(key, stream.channel, idBefore(from), max);
    let page: readonly StoredEntry[] | undefined;
    while (page === undefined) {
      page = (await this.#reads.until(read, `XREAD ${key}`, pages.connection.at(key))) as typeof page;
    }
    const last = page.at(-1);
    return last === undefined || isUpTo(last.entryId, to) ? page : page.filter(({ entryId }) => isUpTo(entryId, to));
  }

  async fieldBytes(stream: LogStream, entryId: string): Promise<readonly Buffer[] | undefined> {
    const key = this.#keyOf(stream);
    const there = this.#connection.at(key);
    const read = (): Promise<unknown> => there.client.xrangeBuffer(key, entryId, entryId);
    const [row] = (await this.#reads.until(read, `XRANGE ${key}`, there)) as [Buffer, Buffer[] | null][];
    return row?.[1] ?? undefined;
  }

  async settlements(
    partition: number,
    component: string,
    { from, to }: Omit<PageRange, "reverse">,
    max: number,
  ): Promise<readonly RecordedSettlement[]> {
    const key = this.#keys.settled(partition, component);
    const rows = (await this.#ask("XRANGE", key, from, to, "COUNT", String(max))) as Row[];
    return rows.map(([entryId, fields]) => parseSettlement(this.#keys, partition, component, entryId, fields ?? []));
  }

  async entryOf(stream: LogStream, eventId: string): Promise<string | undefined> {
    const key = this.#keys.seen(stream.partition, stream.channel, eventId);
    return ((await this.#ask("GET", key)) as string | null) ?? undefined;
  }

  openDelivery(stream: LogStream, component: string, entryId: string): Promise<OpenDelivery | undefined> {
    return this.#groups.openDelivery(stream, component, entryId);
  }

  async replayRuns(max: number): Promise<readonly ReplayRun[]> {
    const keys = replayKeys(this.namespace);
    try {
      const names = (await this.#ask("ZRANGE", keys.replayRuns(), "0", String(max - 1), "REV")) as string[];
      const texts = await Promise.all(names.map((name) => this.#ask("HGET", keys.replayRun(name), "request")));
      return texts.flatMap((text) => (text === null ? [] : [runOf(JSON.parse(String(text)) as RunRequest)]));
    } catch (error) {
      if (error instanceof StoreError && /NOPERM/.test(error.message)) return [];
      throw error;
    }
  }

  beside(namespace: string): Inspector {
    return new RedisInspector({ ...this.#options, namespace });
  }

  openFollower(): Follower {
    const { topology, namespace, log, quietly } = this.#options;
    return new RedisFollower({ topology, namespace, log, quietly }, (stream) => this.#keyOf(stream));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    this.#pages?.close();
  }

  #keyOf({ partition, channel, deadOf }: LogStream): string {
    return deadOf === undefined ? this.#keys.stream(partition, channel) : this.#keys.dead(partition, channel, deadOf);
  }

  #ask(command: string, ...args: readonly string[]): Promise<unknown> {
    const named = command === "XINFO" ? args.slice(0, 2) : args.slice(0, 1);
    const there = this.#connection.at(named.at(-1) ?? this.#keys.meta());
    return this.#reads.until(() => there.client.call(command, ...args), [command, ...named].join(" "), there);
  }
}

function runOf({ run, namespace, channels, into, createdAt }: RunRequest): ReplayRun {
  return { run, namespace, channels: into === undefined ? channels : [into], createdAt };
}
