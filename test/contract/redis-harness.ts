/** The store over Redis as the contract needs it: a private server, a component with no more rights than its role, and the faults. */

import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { StoreError } from "../../src/model/errors.ts";
import { silentLog } from "../../src/ports/log.ts";
import { aclRules } from "../../src/redis/acl/rules.ts";
import type { AclScope } from "../../src/redis/acl/scope.ts";
import { Connection } from "../../src/redis/client/connection.ts";
import { Keys } from "../../src/redis/keys.ts";
import { Namespace } from "../../src/redis/namespace.ts";
import { RedisSliceStore } from "../../src/redis/slices/slice-store.ts";
import { freshNamespace } from "../support/redis.ts";
import type { WarpedRedis } from "../support/warped-redis.ts";
import type { Ending, Harness } from "./harness.ts";

const password = "contract";
const partition = 0;
/** All channels that the behaviours and the random sequences use. */
const channels = ["payments", "other", "out", "sound", "refunds"];

export class RedisHarness implements Harness {
  readonly store: RedisSliceStore;
  readonly admin: Redis;
  readonly keys: Keys;
  readonly #warped: WarpedRedis;
  readonly #connections = new Set<Connection>();
  readonly #forbidden = new Set<string>();
  /** What is to be put right before the next test. */
  #shiftedMs = 0;

  private constructor(warped: WarpedRedis, admin: Redis, keys: Keys, url: string, namespace: Namespace) {
    this.#warped = warped;
    this.admin = admin;
    this.keys = keys;
    this.store = new RedisSliceStore({
      component: "contract",
      keys,
      partitions: () => 2,
      isCluster: true,
      log: silentLog,
      context: { namespace, confirmation: undefined, onEvicted: () => undefined, onLost: () => undefined },
      openConnection: (purpose) => this.#open(purpose, url),
      keepsLog: true,
    });
  }

  static async on(warped: WarpedRedis): Promise<RedisHarness> {
    const admin = new Redis(warped.redis.url, { protocol: 2 });
    const name = freshNamespace();
    await admin.call("ACL", "SETUSER", name, ...rulesOf(name, channels));
    const url = warped.redis.url.replace("//", `//${name}:${password}@`);
    const connection = new Connection({ url, log: silentLog, silenceMs: 5_000, purpose: "open" });
    const namespace = await Namespace.open(connection, new Keys(name), { count: 2, isRequired: true }, undefined);
    connection.close();
    return new RedisHarness(warped, admin, new Keys(name), url, namespace);
  }

  #open(purpose: string, url: string): Connection {
    const connection = new Connection({ url, log: silentLog, silenceMs: 5_000, purpose });
    this.#connections.add(connection);
    return connection;
  }

  async append(channel: string, ...eventIds: readonly string[]): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const id of eventIds)
      ids.push((await this.admin.xadd(this.#stream(channel), "*", "id", id, "payload", "{}")) ?? "");
    return ids;
  }

  async remove(channel: string, entryId: string): Promise<void> {
    await this.admin.xdel(this.#stream(channel), entryId);
  }

  async entries(channel: string, of: number = partition): ReturnType<Harness["entries"]> {
    return this.#records(this.keys.stream(of, channel));
  }

  async letters(channel: string, component: string): ReturnType<Harness["letters"]> {
    return this.#records(this.keys.dead(partition, channel, component));
  }

  async group(channel: string, component: string): ReturnType<Harness["group"]> {
    const stream = this.#stream(channel);
    const groups = (await this.admin.call("XINFO", "GROUPS", stream).catch(() => [])) as unknown[][];
    const own = groups.map(toRecord).find(({ name }) => name === component);
    if (own === undefined) return undefined;
    const pending = (await this.admin.xpending(stream, component, "-", "+", 10_000)) as [string, ...unknown[]][];
    const consumers = ((await this.admin.call("XINFO", "CONSUMERS", stream, component)) as unknown[][])
      .map((row) => String(toRecord(row)["name"]))
      .filter((name) => name !== "parked");
    const there: string[] = [];
    // What was removed from the stream stays in the list until somebody acknowledges it.
    for (const [id] of pending) if ((await this.admin.xrange(stream, id, id)).length > 0) there.push(id);
    return { lastDelivered: String(own["last-delivered-id"]), pending: there, consumers };
  }

  async pendingCount(channel: string, component: string): Promise<number> {
    const [count] = (await this.admin.xpending(this.#stream(channel), component)) as [number];
    return count;
  }

  async destroyGroup(channel: string, component: string): Promise<void> {
    if ((await this.admin.exists(this.#stream(channel))) === 1)
      await this.admin.xgroup("DESTROY", this.#stream(channel), component);
  }

  async readAs(consumer: string, channel: string, component: string): Promise<void> {
    const group = await this.group(channel, component);
    if (group === undefined) return;
    const stream = this.#stream(channel);
    await this.admin.xgroup("CREATECONSUMER", stream, component, consumer); // not every server does for who reads nothing
    await this.admin.xreadgroup("GROUP", component, consumer, "COUNT", 1_000, "STREAMS", stream, ">");
  }

  async acknowledge(channel: string, component: string, entryId: string): Promise<void> {
    await this.admin.xack(this.#stream(channel), component, entryId);
  }

  async deleteChannel(channel: string): Promise<void> {
    await this.admin.del(this.#stream(channel));
  }

  async fill(): Promise<Ending> {
    await this.admin.config("SET", "maxmemory", "1");
    return async () => void (await this.admin.config("SET", "maxmemory", "0"));
  }

  async spoil(channel: string): Promise<Ending> {
    const stream = this.#stream(channel);
    const aside = `${stream}-aside`;
    const wasThere = (await this.admin.exists(stream)) === 1;
    if (wasThere) await this.admin.rename(stream, aside);
    await this.admin.set(stream, "spoiled");
    return async () => {
      if ((await this.admin.type(stream)) !== "string") return;
      await this.admin.del(stream);
      if (wasThere) await this.admin.rename(aside, stream);
    };
  }

  async forbid(channel: string): Promise<Ending> {
    this.#forbidden.add(channel);
    await this.#setRules();
    return async () => {
      this.#forbidden.delete(channel);
      await this.#setRules();
    };
  }

  async #setRules(): Promise<void> {
    const name = this.keys.namespace;
    const allowed = channels.filter((channel) => !this.#forbidden.has(channel));
    await this.admin.call("ACL", "SETUSER", name, ...rulesOf(name, allowed));
  }

  async loseFromNow(): Promise<Ending> {
    const before = await this.#dump();
    return async () => {
      await this.pass(10); // a replica takes over a little later
      const now = await this.admin.keys("*");
      if (now.length > 0) await this.admin.del(...now);
      for (const [key, value] of before) await this.admin.restore(key, 0, value);
    };
  }

  async now(): Promise<number> {
    const [seconds, micros] = await this.admin.time();
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  async setClock(byMs: number): Promise<void> {
    this.#shiftedMs += byMs;
    await this.#warped.shift(Math.round(this.#shiftedMs / 1_000));
  }

  async pass(ms: number): Promise<void> {
    await delay(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.store[Symbol.dispose]();
    for (const connection of this.#connections) connection.close();
    if (this.#shiftedMs !== 0) await this.#warped.shift(0);
    await this.admin.config("SET", "maxmemory", "0");
    await this.admin.flushall();
    await this.admin.call("ACL", "DELUSER", this.keys.namespace);
    this.admin.disconnect();
  }

  #stream(channel: string): string {
    return this.keys.stream(partition, channel);
  }

  async #records(key: string): ReturnType<Harness["entries"]> {
    return (await this.admin.xrange(key, "-", "+")).map(([, fields]) => toRecord(fields) as Record<string, string>);
  }

  async #dump(): Promise<ReadonlyMap<string, Buffer>> {
    const dumps = new Map<string, Buffer>();
    for (const key of await this.admin.keys("*")) {
      const value = await this.admin.dumpBuffer(key);
      if (value === null) throw new StoreError(`${key} is gone`);
      dumps.set(key, value);
    }
    return dumps;
  }
}

function rulesOf(namespace: string, allowed: readonly string[]): readonly string[] {
  const scope: AclScope = { namespace, channels: allowed, evicts: true, clustered: true };
  const [reset = "", ...rules] = aclRules(["component"], scope);
  return [reset, `>${password}`, ...rules];
}

function toRecord(list: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[String(name), list[i + 1]]] : [])));
}
