/** The operator's verbs over Redis: each method calls the script of its name, whose head is the contract. */

import { randomBytes } from "node:crypto";
import { PublishError, StoreError } from "../../model/errors.ts";
import type { DeadLetterStore, PurgeOutcome, RedriveOutcome } from "../../ports/dead-letters.ts";
import type { LogStream } from "../../ports/inspect.ts";
import type { Connection } from "../client/connection.ts";
import { storeError } from "../client/failures.ts";
import { Outbox } from "../client/outbox.ts";
import type { Keys } from "../keys.ts";
import type { Script } from "../script-source.ts";
import { scripts } from "./scripts.ts";

/** How long a call's reply is remembered, ms: longer than it can be sent again. */
const replyTtlMs = 600_000;
/** How long a call waits for a Redis that is away. */
const patienceMs = 5_000;

export class RedisDeadLetterStore implements DeadLetterStore {
  readonly #outbox: Outbox;
  readonly #keys: Keys;

  /** The connection stays the caller's. */
  constructor(connection: Connection, keys: Keys) {
    this.#outbox = new Outbox(connection);
    this.#keys = keys;
  }

  async redrive(stream: LogStream, letterIds: readonly string[]): Promise<readonly RedriveOutcome[]> {
    const { channel, partition, deadOf: component = "" } = stream;
    const keys = [
      this.#keys.stream(partition, channel),
      this.#keys.attempts(partition, channel, component),
      this.#keys.parked(partition, channel, component),
      this.#keys.owner(partition, component),
      this.#keys.dead(partition, channel, component),
      this.#newReply(partition),
    ];
    const args = [channel, component, replyTtlMs, ...letterIds];
    return (await this.#send("dead letters cannot be redriven", scripts.redrive, keys, args)) as RedriveOutcome[];
  }

  async purge(stream: LogStream, letterIds: readonly string[]): Promise<readonly PurgeOutcome[]> {
    const { channel, partition, deadOf: component = "" } = stream;
    const keys = [this.#keys.dead(partition, channel, component), this.#newReply(partition)];
    const args = [replyTtlMs, ...letterIds];
    return (await this.#send("dead letters cannot be purged", scripts.purge, keys, args)) as PurgeOutcome[];
  }

  /** Gives up what is unanswered. */
  close(): void {
    this.#outbox.close();
  }

  /** Where the reply of one call is kept. */
  #newReply(partition: number): string {
    return this.#keys.numbers(partition, `o${randomBytes(9).toString("base64url")}`);
  }

  async #send(
    failing: string,
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<readonly string[]> {
    try {
      return String(await this.#outbox.send(script, keys, args, { deadlineMs: patienceMs })).split("\n");
    } catch (error) {
      if (error instanceof PublishError) throw new StoreError(`${failing}: ${error.message}`, { cause: error });
      throw storeError(failing, error);
    }
  }
}
