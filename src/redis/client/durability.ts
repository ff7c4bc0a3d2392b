/** Asks Redis, on the connection that wrote, whether its writes are as durable as was asked. */

import type { ResolvedDurability } from "../../model/durability.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Connection } from "./connection.ts";
import { isConnectionLoss } from "./failures.ts";

export class Confirmer {
  readonly #connection: Connection;
  readonly #durability: ResolvedDurability;
  /** The round that will be sent at the end of this turn, for all requests that were answered by then. */
  #next: Promise<string | undefined> | undefined;

  constructor(connection: Connection, durability: ResolvedDurability) {
    this.#connection = connection;
    this.#durability = durability;
  }

  /**
   * Asks about everything that this connection has written up to now. Resolves with undefined when it is durable, else
   * with what is missing.
   * The server runs later commands only after the answer; they share the next round. Rejects as the command does:
   * nothing is known then, and another connection cannot ask, as it has written nothing.
   */
  missing(): Promise<string | undefined> {
    this.#next ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#next = undefined;
        resolve(this.#ask());
      });
    });
    return this.#next;
  }

  async #ask(): Promise<string | undefined> {
    const { fsync, replicas, timeoutMs } = this.#durability;
    const { client } = this.#connection;
    const [synced, acknowledged] = await Promise.all([
      fsync === undefined ? undefined : (client.call("WAITAOF", 1, fsync, timeoutMs) as Promise<[number, number]>),
      replicas === 0 ? undefined : (client.call("WAIT", replicas, timeoutMs) as Promise<number>),
    ]);
    const missing: string[] = [];
    if (synced !== undefined) {
      if (Number(synced[0]) < 1) missing.push("the server had not synced it to its disk");
      if (Number(synced[1]) < (fsync ?? 0))
        missing.push(`${synced[1]} of ${fsync} replicas had synced it to their disks`);
    }
    if (acknowledged !== undefined && Number(acknowledged) < replicas) {
      missing.push(`${acknowledged} of ${replicas} replicas had it`);
    }
    return missing.length === 0 ? undefined : `${missing.join(" and ")} after ${timeoutMs} ms`;
  }
}

/** Refuses a server that cannot confirm the durability. @throws {ConfigError} */
export async function refuseWithoutDurability(
  connection: Connection,
  { fsync }: ResolvedDurability,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (fsync === undefined) return;
  try {
    // This connection has written nothing, so that the answer comes at once.
    await connection.repeat(() => connection.client.call("WAITAOF", 1, 0, 1), signal);
  } catch (cause) {
    if (cause instanceof ConfigError || isConnectionLoss(cause) || !(cause instanceof Error)) throw cause;
    if (signal?.aborted === true) throw cause;
    const reason = /unknown command/i.test(cause.message) ? "it needs Redis 7.2 or newer" : cause.message;
    throw new ConfigError(
      `durability asks for fsync, and this server cannot confirm one: ${reason}. Use another server, or ask for replicas, or leave ` +
        "it to the server's appendfsync",
      { cause },
    );
  }
}
