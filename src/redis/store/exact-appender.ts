/** Appends entries exactly as they are given, for an import: numbered batches, each appended once however often it is sent. */

import { randomBytes } from "node:crypto";
import { ConfigError, PublishError } from "../../model/errors.ts";
import type { ExactAppender, ExactEntry } from "../../ports/exact-append.ts";
import { ArgWriter } from "../client/argument-writer.ts";
import type { Connection } from "../client/connection.ts";
import { Outbox } from "../client/outbox.ts";
import { isDenied } from "../client/run-script.ts";
import type { Keys } from "../keys.ts";
import { numbersKept, numbersTtlMs, type StoreContext } from "./appender.ts";
import { scripts } from "./scripts.ts";

export interface ExactAppenderOptions {
  readonly connection: Connection;
  readonly keys: Keys;
  /** Named to the namespace with the first append, unless it knows them. */
  readonly channels: readonly string[];
  readonly context: Pick<StoreContext, "namespace" | "confirmation">;
  /** How long an append may take, ms. */
  readonly timeoutMs: number;
}

export class RedisExactAppender implements ExactAppender {
  readonly #options: ExactAppenderOptions;
  readonly #outbox: Outbox;
  readonly #session = `p${randomBytes(9).toString("base64url")}`;
  /** Filled and sent within one call. */
  readonly #body: ArgWriter = new ArgWriter();
  /** The last number used on a partition. */
  readonly #numbers = new Map<number, number>();
  /** Set with the first call. All wait for it, so that none overtakes another. */
  #claiming: Promise<void> | undefined;

  constructor(options: ExactAppenderOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.connection, options.context.confirmation);
  }

  async partitions(): Promise<number> {
    try {
      this.#claiming ??= this.#claim();
      await this.#claiming;
      return this.#options.context.namespace.use();
    } catch (error) {
      throw refused(error);
    }
  }

  async append(partition: number, entries: readonly ExactEntry[]): Promise<readonly string[]> {
    const { keys, timeoutMs: deadlineMs } = this.#options;
    try {
      await this.partitions();
      const number = (this.#numbers.get(partition) ?? 0) + 1;
      this.#numbers.set(partition, number);
      const streams = new Map<string, number>();
      const body = this.#body;
      body.clear();
      for (const { channel, fields } of entries) {
        let place = streams.get(channel);
        if (place === undefined) {
          place = streams.size + 1;
          streams.set(channel, place);
        }
        const isText = typeof fields[0] === "string";
        body.add(place);
        body.add(isText ? "t" : "x");
        body.add(fields.length);
        for (const field of fields) body.add(typeof field === "string" ? field : field.toString("hex"));
      }
      const sequence = keys.numbers(partition, this.#session);
      const names = [sequence, ...[...streams.keys()].map((channel) => keys.stream(partition, channel))];
      const head = [number, numbersKept, numbersTtlMs];
      const turn = { sequence, number };
      const options = { deadlineMs, isConfirmed: true, turn };
      const reply = await this.#outbox.send(scripts.import, names, { head, body }, options);
      return String(reply).split("\n");
    } catch (error) {
      throw refused(error);
    }
  }

  async #claim(): Promise<void> {
    const { connection, keys, channels, context, timeoutMs: deadlineMs } = this.#options;
    await context.namespace.claim((script, names, args) => this.#outbox.send(script, names, args, { deadlineMs }));
    const described = connection.at(keys.meta());
    // What a channel lets go stays as it is said there.
    for (const channel of channels) {
      const known = await described.repeat(() => described.client.hget(keys.meta(), `channel:${channel}`));
      if (known !== null) continue;
      await described
        .repeat(() => described.client.hsetnx(keys.meta(), `channel:${channel}`, "1"))
        .catch((error: unknown) => {
          // A user who may only publish: the channel's components describe it.
          if (!isDenied(error)) throw error;
        });
    }
  }

  close(): void {
    this.#outbox.close();
    this.#options.connection.close();
  }
}

function refused(error: unknown): unknown {
  if (error instanceof PublishError || error instanceof ConfigError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new PublishError("rejected", `Redis refused the import: ${reason}`, { cause: error });
}
