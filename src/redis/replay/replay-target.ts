/** A run's target in Redis: appends each batch once, together with the position after it. */

import { randomBytes } from "node:crypto";
import { messageOf } from "../../model/error-message.ts";
import { FencedError, PublishError, ReplayError } from "../../model/errors.ts";
import type { PartitionProgress, ReplayBatch, ReplayTarget } from "../../ports/replay-target.ts";
import type { Connection } from "../client/connection.ts";
import { storeError } from "../client/failures.ts";
import { Outbox } from "../client/outbox.ts";
import type { Keys } from "../keys.ts";
import { scripts } from "../store/scripts.ts";

export interface ReplayTargetOptions {
  /** The keys of the target's namespace. */
  readonly keys: Keys;
  readonly run: string;
  readonly partitions: number;
  /**
   * The hard caps of the channels that have one. A full channel refuses where its cap is above 0, and evicts where it
   * is below 0.
   */
  readonly caps: ReadonlyMap<string, number>;
}

export class RedisReplayTarget implements ReplayTarget {
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #options: ReplayTargetOptions;
  readonly #owner = randomBytes(12).toString("base64url");
  /** The number of the last batch in each partition. */
  readonly #numbers: number[];

  constructor(connection: Connection, options: ReplayTargetOptions) {
    this.#connection = connection;
    this.#outbox = new Outbox(connection);
    this.#options = options;
    this.#numbers = Array.from({ length: options.partitions }, () => 0);
  }

  async claim(): Promise<readonly PartitionProgress[]> {
    return this.#each((key) => this.#outbox.send(scripts.replayClaim, [key], [this.#owner]));
  }

  progress(): Promise<readonly PartitionProgress[]> {
    return this.#each((key) => {
      const there = this.#connection.at(key);
      return there.repeat(() => there.client.hgetall(key));
    });
  }

  async append(partition: number, { entries, positions }: ReplayBatch): Promise<readonly string[]> {
    const { keys, run, caps } = this.#options;
    const number = (this.#numbers[partition] as number) + 1;
    this.#numbers[partition] = number;
    const streams = new Map<string, number>();
    let capsText = "";
    for (const { channel } of entries) {
      if (streams.has(channel)) continue;
      streams.set(channel, streams.size + 1);
      const cap = caps.get(channel);
      if (cap !== undefined) capsText += `${streams.size}:${cap} `;
    }
    const args: (string | number)[] = [this.#owner, number, capsText, positions.size];
    for (const [channel, entryId] of positions) args.push(channel, entryId);
    for (const { channel, values } of entries) {
      args.push(streams.get(channel) as number);
      for (const value of values) args.push(value);
    }
    const streamKeys = [...streams.keys()].map((channel) => keys.stream(partition, channel));
    try {
      const reply = await this.#outbox.send(scripts.replayAppend, [keys.replayed(partition, run), ...streamKeys], args);
      return reply === "" ? [] : String(reply).split("\n");
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  close(): void {
    this.#outbox.close();
    this.#connection.close();
  }

  async #each(ask: (key: string) => Promise<unknown>): Promise<readonly PartitionProgress[]> {
    const { keys, run } = this.#options;
    try {
      return await Promise.all(
        this.#numbers.map(async (_, partition) => progressOf(await ask(keys.replayed(partition, run)))),
      );
    } catch (error) {
      throw error instanceof PublishError ? error : storeError(`run ${run} cannot be looked up`, error);
    }
  }

  #refusal(error: unknown): Error {
    const { run } = this.#options;
    const text = messageOf(error);
    if (error instanceof PublishError) return new ReplayError(`run ${run}: ${text}`, { cause: error });
    const [, code, reason] = /^(?:ERR )?(FENCED|REFUSED|BEHIND) (.*)$/s.exec(text) ?? [];
    if (code === "FENCED") {
      return new FencedError(`run ${run} was taken over by another process, which goes on with it`, { cause: error });
    }
    return new ReplayError(`run ${run}: Redis refuses to append: ${reason ?? text}`, { cause: error });
  }
}

/** Decodes the progress of a partition from a reply, in which names and values alternate or names are keys. */
function progressOf(reply: unknown): PartitionProgress {
  const pairs = Array.isArray(reply)
    ? reply.flatMap((name, i) => (i % 2 === 0 ? [[String(name), String(reply[i + 1])] as const] : []))
    : Object.entries(reply as Record<string, string>);
  const positions = new Map<string, string>();
  let entries = 0;
  for (const [name, value] of pairs) {
    if (name === "entries") entries = Number(value);
    if (name.startsWith("at:")) positions.set(name.slice("at:".length), value);
  }
  return { entries, positions };
}
