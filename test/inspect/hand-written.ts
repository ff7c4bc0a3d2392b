/** A namespace written by hand through bare Redis commands, so that the read side is tested against the wire and not against our code. */

import { Redis } from "ioredis";
import { freshNamespace, redisUrl } from "../support/redis.ts";

export interface HandEntry {
  readonly id: string;
  readonly payload?: unknown;
  readonly key?: string;
  readonly time?: number;
  readonly causes?: readonly string[];
  readonly baggage?: string;
  readonly traceparent?: string;
}

export class HandWritten implements AsyncDisposable {
  readonly url: string;
  readonly namespace: string = freshNamespace();
  readonly client: Redis;

  constructor(url: string = redisUrl()) {
    this.url = url;
    this.client = new Redis(url);
  }

  stream(channel: string, partition = 0): string {
    return `{${this.namespace}:${partition}}:${channel}`;
  }

  /** The namespace's description, as a backbone leaves it. */
  async describe(
    channels: readonly string[],
    components: Readonly<Record<string, string>> = {},
    partitions = 1,
  ): Promise<void> {
    const fields = ["format", "2", "partitions", String(partitions)];
    for (const channel of channels) fields.push(`channel:${channel}`, "1");
    for (const [component, consumed] of Object.entries(components)) fields.push(`component:${component}`, consumed);
    await this.client.hset(`${this.namespace}:meta`, ...fields);
  }

  /** Appends in the wire format; gives the entry id. */
  async append(channel: string, entry: HandEntry, entryId = "*", partition = 0): Promise<string> {
    const {
      id,
      payload = { id },
      key = "",
      time = 1_700_000_000_000,
      causes = [],
      baggage = "",
      traceparent = "",
    } = entry;
    const fields = {
      id,
      time: String(time),
      key,
      payload: JSON.stringify(payload),
      traceparent,
      tracestate: "",
      baggage,
      causes: causes.join(","),
    };
    return (await this.client.xadd(this.stream(channel, partition), entryId, ...Object.entries(fields).flat())) ?? "";
  }

  /** Appends any fields. */
  async appendRaw(stream: string, fields: Readonly<Record<string, string>>, entryId = "*"): Promise<string> {
    return (await this.client.xadd(stream, entryId, ...Object.entries(fields).flat())) ?? "";
  }

  async group(channel: string, component: string, from = "0"): Promise<void> {
    await this.client.xgroup("CREATE", this.stream(channel), component, from, "MKSTREAM");
  }

  /** Delivers the next `count` entries to a member; they are pending then. */
  async deliver(channel: string, component: string, member: string, count: number): Promise<readonly string[]> {
    const reply = await this.client.xreadgroup(
      "GROUP",
      component,
      member,
      "COUNT",
      count,
      "STREAMS",
      this.stream(channel),
      ">",
    );
    const [[, rows] = ["", []]] = (reply ?? []) as [string, [string, string[]][]][];
    return rows.map(([entryId]) => entryId);
  }

  /** Delivers the next `count` entries and acknowledges them. */
  async settle(channel: string, component: string, count: number): Promise<void> {
    const ids = await this.deliver(channel, component, "settler", count);
    await this.client.xack(this.stream(channel), component, ...ids);
  }

  /** The row of a component's partition, as an owner leaves it. `channels`: position and open ids by channel. */
  async row(
    component: string,
    channels: Readonly<Record<string, { readonly at: string; readonly open?: string; readonly lost?: number }>>,
    {
      partition = 0,
      owner = "",
      epoch = 1_700_000_000_000,
      wanted = "",
      deaths = 0,
    }: {
      readonly partition?: number;
      readonly owner?: string;
      readonly epoch?: number;
      readonly wanted?: string;
      readonly deaths?: number;
    } = {},
  ): Promise<void> {
    const fields = ["epoch", epoch, "owner", owner, "beat", 1, "seq", 0, "wanted", wanted, "deaths", deaths];
    for (const [channel, { at, open = "", lost }] of Object.entries(channels)) {
      fields.push(`at:${channel}`, at, `read:${channel}`, "", `open:${channel}`, open);
      if (lost !== undefined) fields.push(`lost:${channel}`, lost);
    }
    await this.client.hset(`{${this.namespace}:${partition}}:owner:${component}`, ...fields);
  }

  /** A member's heartbeat. */
  async beat(
    component: string,
    member: string,
    seenAt: number,
    { hasLeft = false, about = "{}" }: { hasLeft?: boolean; about?: string } = {},
  ): Promise<void> {
    const record = `7 ${hasLeft ? 1 : 0} ${seenAt} ${about}`;
    await this.client.hset(`{${this.namespace}:members}:${component}`, member, record);
  }

  /** Beats for a member until it is disposed of. */
  async living(component: string, member: string): Promise<Disposable> {
    const beat = async (): Promise<void> => this.beat(component, member, await this.serverTime());
    await beat();
    const timer = setInterval(() => void beat().catch(() => undefined), 500);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  /** Shows entries in a group's pending list. */
  async show(channel: string, component: string, consumer: string, ...ids: readonly string[]): Promise<void> {
    await this.client.xclaim(this.stream(channel), component, consumer, 0, ...ids, "FORCE", "JUSTID");
  }

  async park(channel: string, component: string, entryId: string, dueAt: number, record = "1:0:1"): Promise<void> {
    const stream = this.stream(channel);
    await this.client.zadd(`${stream}:parked:${component}`, dueAt, entryId);
    await this.client.hset(`${stream}:attempts:${component}`, entryId, record);
  }

  async serverTime(): Promise<number> {
    const [seconds] = await this.client.time();
    return Number(seconds) * 1_000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const keys = [...(await this.client.keys(`{${this.namespace}:*`)), `${this.namespace}:meta`];
    await this.client.unlink(...keys);
    this.client.disconnect();
  }
}
