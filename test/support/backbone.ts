/** `open`: a backbone in a namespace of its own, with a bare client beside it to look at Redis, and a log that can be read. */

import { Cluster, Redis } from "ioredis";
import { z } from "zod";
import {
  type Backbone,
  type BackboneOptions,
  type Channel,
  type ChannelDefinition,
  type Component,
  connectBackbone,
  defineChannel,
  type Log,
  type ServersPlace,
} from "../../src/index.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import { wireFields } from "../../src/model/envelope.ts";
import { Keys } from "../../src/redis/keys.ts";
import { clusterUrls, freshNamespace, redisUrl } from "./redis.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface Opened extends AsyncDisposable {
  readonly backbone: Backbone;
  /** Bare, and past any proxy. On a cluster it finds the node of each command's key. */
  readonly client: Redis;
  readonly keys: Keys;
  readonly log: readonly LogLine[];
  stream(channel: { readonly name: string }): string;
  /** How many entries a channel has, in all partitions. */
  length(channel: { readonly name: string }): Promise<number>;
  /** All entries of a channel, the parsed payload and the fields by name; those of the wire format that an entry does not have are empty. */
  entries<P>(channel: Channel<P>): Promise<readonly { id: string; fields: Record<string, string>; payload: P }[]>;
  /** Dead letters of a component on a channel, their fields by name. */
  dead(channel: { readonly name: string }, component: string): Promise<readonly Record<string, string>[]>;
  /** Appends fields as redis-cli would. */
  write(channel: { readonly name: string }, ...fields: (string | Buffer)[]): Promise<string>;
  /** Runs a component until the end of the test, and fails the test if its run does. Resolves when it reads. */
  run(component: Component): Promise<Component>;
}

export interface OpenOptions extends Partial<BackboneOptions> {
  /** Of the server itself, where `url` is a proxy's. */
  readonly direct?: string;
}

/** The servers of the run, where none are given. */
export function serversFor(given: ServersPlace): Pick<ServersPlace, "url" | "cluster"> {
  if (given.url !== undefined || given.cluster !== undefined || given.sentinel !== undefined) return {};
  const cluster = clusterUrls();
  return cluster === undefined ? { url: redisUrl() } : { cluster };
}

const noFields: Readonly<Record<string, string>> = Object.fromEntries(wireFields.map((name) => [name, ""]));

export async function open(options: OpenOptions = {}): Promise<Opened> {
  const { direct, ...given } = options;
  const servers = serversFor(given);
  const lines: LogLine[] = [];
  const namespace = given.namespace ?? freshNamespace();
  const backbone = await connectBackbone({ ...servers, log: memoryLog(lines), ...given, namespace });
  const cluster = given.cluster ?? servers.cluster;
  const client =
    cluster === undefined ? new Redis(direct ?? given.url ?? redisUrl(), { protocol: 2 }) : clusterClient(cluster);
  client.on("error", () => undefined); // Redis is away on purpose
  const keys = new Keys(namespace);
  const runs: Promise<void>[] = [];
  const inEach = async <T>(ask: (partition: number) => Promise<T>): Promise<readonly T[]> => {
    const partitions = Number((await client.hget(keys.meta(), "partitions")) ?? 1);
    return Promise.all(Array.from({ length: partitions }, (_, partition) => ask(partition)));
  };
  const stream = ({ name }: { readonly name: string }): string => keys.stream(0, name);
  const byName = (fields: readonly string[]): Record<string, string> =>
    Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? ""]] : [])));
  return {
    backbone,
    client,
    keys,
    log: lines,
    stream,
    length: async ({ name }) => {
      const lengths = await inEach((partition) => client.xlen(keys.stream(partition, name)));
      return lengths.reduce<number>((sum, length) => sum + Number(length), 0);
    },
    entries: async <P>(channel: Channel<P>) => {
      const pages = await inEach((partition) => client.xrange(keys.stream(partition, channel.name), "-", "+"));
      const rows = pages.length === 1 ? (pages[0] ?? []) : pages.flat().sort(([a], [b]) => compareIds(a, b));
      return rows.map(([id, fields]) => {
        const named = { ...noFields, ...byName(fields) };
        return { id, fields: named, payload: JSON.parse(named["payload"] ?? "null") as P };
      });
    },
    dead: async (channel, component) => {
      const pages = await inEach((partition) => client.xrange(keys.dead(partition, channel.name, component), "-", "+"));
      return pages.flat().map(([, fields]) => byName(fields));
    },
    write: async (channel, ...fields) => (await client.xadd(stream(channel), "*", ...fields)) ?? "",
    run: async (component) => {
      const run = component.run();
      runs.push(run);
      run.catch(() => undefined); // thrown at the end of the test
      await component.ready();
      return component;
    },
    [Symbol.asyncDispose]: async () => {
      await backbone.close();
      client.disconnect();
      await Promise.all(runs);
    },
  };
}

/** A bare client of a cluster, with the commands of a client of one server. */
export function clusterClient(urls: readonly string[]): Redis {
  const nodes = urls.map((url) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) }));
  const client = new Cluster(nodes, { redisOptions: { protocol: 2 } });
  client.on("node error", () => undefined); // a node is away on purpose
  return client as unknown as Redis;
}

export function memoryLog(lines: LogLine[]): Log {
  const at =
    (level: LogLine["level"]) =>
    (fields: object, text: string): void =>
      void lines.push({ level, fields: fields as Record<string, unknown>, text });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A numbered thing with an ordering key. */
export interface Thing {
  readonly n: number;
  readonly key?: string | undefined;
}

export const Thing: z.ZodType<Thing, unknown> = z.object({ n: z.number().int(), key: z.string().optional() });

export function things(name: string, rest: Partial<ChannelDefinition<Thing>> = {}): Channel<Thing> {
  return defineChannel<Thing>({ schema: Thing, key: ({ key = "" }) => key, ...rest, name });
}

/** Retries that do not keep a test waiting. */
export const soon = { backoffMs: 1, jitter: 0 } as const;
