/** What all storage verbs have in common: the keys, the outbox for scripts, reads that are repeated until they are answered. */

import type { Redis } from "ioredis";
import { PublishError, StoreError } from "../../model/errors.ts";
import type { AttemptRecord, Membership } from "../../ports/store.ts";
import type { Connection } from "../client/connection.ts";
import { type Outbox, type SendOptions, storeError } from "../client/outbox.ts";
import type { ScriptArgs } from "../client/script-command.ts";
import type { Keys } from "../keys.ts";
import type { Script } from "../script-source.ts";

export class Verbs {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly #outbox: Outbox;

  constructor(connection: Connection, keys: Keys, outbox: Outbox) {
    this.connection = connection;
    this.keys = keys;
    this.#outbox = outbox;
  }

  get client(): Redis {
    return this.connection.client;
  }

  placeKeys({ partition, component }: Membership): readonly [positions: string, trimmed: string] {
    return [this.keys.positions(partition, component), this.keys.trimmed(partition)];
  }

  deliveryKeys({ partition, component }: Membership, channel: string): readonly [stream: string, attempts: string] {
    return [this.keys.stream(partition, channel), this.keys.attempts(partition, channel, component)];
  }

  async send(
    verb: string,
    failing: string,
    script: Script,
    keys: readonly string[],
    args: ScriptArgs,
    options?: SendOptions,
  ): Promise<unknown> {
    try {
      return await this.#outbox.send(script, keys, args, options);
    } catch (error) {
      if (error instanceof PublishError) throw new StoreError(`${verb}: ${error.message}`, { cause: error });
      throw storeError(failing, error);
    }
  }

  /** Reads until Redis answers: a read may be repeated freely. */
  async read<T>(failing: string, read: () => Promise<T>): Promise<T> {
    try {
      return await this.connection.repeat(read);
    } catch (error) {
      throw storeError(failing, error);
    }
  }
}

/** What has effects that must not be lost. A lost acknowledgement without any only runs its handler again. */
export const confirmed: SendOptions = Object.freeze({ isConfirmed: true });

/** Most channels in one script that looks at many: a longer one would hold the server up for all others. */
const maxChannels = 500;

export function* chunked(channels: readonly string[]): Generator<readonly string[]> {
  for (let first = 0; first < channels.length; first += maxChannels) yield channels.slice(first, first + maxChannels);
}

export function parseRecord(record: string): AttemptRecord {
  const [attempt, crashes, firstAt] = record.split(":");
  return { attempt: Number(attempt), crashes: Number(crashes), firstAt: Number(firstAt) };
}

/** A RESP2 map: names and values alternating. */
export function toRecord(row: readonly unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (let i = 0; i + 1 < row.length; i += 2) record[String(row[i])] = row[i + 1];
  return record;
}
