/** Opens a namespace for a backbone: the server must be new enough, and format and partition count must be ours. */

import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../model/error-message.ts";
import { ConfigError, StoreError, ThroughlineError } from "../model/errors.ts";
import type { Connection } from "./client/connection.ts";
import { toGreeting } from "./client/conversation.ts";
import { isMemoryFull } from "./client/failures.ts";
import type { RespReply } from "./client/resp-reply.ts";
import { repeatScript } from "./client/run-script.ts";
import { formatVersion, type Keys } from "./keys.ts";
import type { Script } from "./script-source.ts";
import { scripts } from "./store/scripts.ts";
import { upgradeFrom1 } from "./upgrade.ts";

/** Interval at which a description is tried again while the server's memory is full, ms. */
const fullDelayMs = 1_000;

/** Sends a script until it is answered. */
type Send = (script: Script, keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/** The partition count that a process asks for. */
export interface WantedPartitions {
  readonly count: number;
  /** False where a namespace that is used already is taken with the count that it has. */
  readonly isRequired: boolean;
}

export class Namespace {
  readonly #keys: Keys;
  readonly #isRequired: boolean;
  /** On a cluster the description is at a node of its own, whoever asks. */
  readonly #own: Send | undefined;
  #partitions: number;
  /** True once the description is written and was found to be ours. */
  #isClaimed = false;
  /** True once something lies, or is looked for, by the count. */
  #isUsed = false;

  private constructor(connection: Connection, keys: Keys, { count, isRequired }: WantedPartitions) {
    this.#keys = keys;
    if (connection.topology.kind === "cluster")
      this.#own = (script, names, args) => repeatScript(connection, script, names, args);
    this.#partitions = count;
    this.#isRequired = isRequired;
  }

  /**
   * The partition count: the namespace's own, or for one that nothing has used the one that was asked for. The latter may change with a `look`
   * or a `claim`, for as long as this process has used nothing of it, either.
   */
  get partitions(): number {
    return this.#partitions;
  }

  /** The partition count, which this process goes by from now on: another one is refused. */
  use(): number {
    this.#isUsed = true;
    return this.#partitions;
  }

  /**
   * Opens the namespace. Writes nothing, but takes a namespace of format 1 over.
   * @throws {ConfigError} when the server or the namespace cannot be worked with
   */
  static async open(
    connection: Connection,
    keys: Keys,
    wanted: WantedPartitions,
    signal: AbortSignal | undefined,
  ): Promise<Namespace> {
    const described = connection.at(keys.meta());
    await refuseOldServer(described, signal);
    await awaitPrimary(described, signal);
    const namespace = new Namespace(connection, keys, wanted);
    const read = (): Promise<readonly string[]> => described.repeat(() => namespace.#read(described), signal);
    let found = await read();
    // What format 1 wrote was never on a cluster: its keys were brought there, and are refused like those of any other version.
    if (found[1] === "1" && connection.topology.kind !== "cluster") {
      await upgradeFrom1(connection, keys, signal);
      found = await read();
    }
    namespace.#compare(found);
    return namespace;
  }

  /**
   * Compares the description again, before a use that writes more than it: another process may have been first
   * meanwhile.
   * @throws as `claim`
   */
  look(send: Send): Promise<void> {
    return this.#ask("look", send);
  }

  /** The same over a connection. @throws as `claim` @throws {StoreError} where the server refuses */
  async lookOver(connection: Connection, signal?: AbortSignal): Promise<void> {
    try {
      await this.look((...call) => repeatScript(connection, ...call, signal));
    } catch (error) {
      if (error instanceof ThroughlineError || signal?.aborted === true) throw error;
      throw new StoreError(messageOf(error), { cause: error });
    }
  }

  /**
   * Claims the namespace at the first real use: writes the description, or compares it with what another process has
   * written. A process that never uses the namespace leaves nothing in it.
   * @throws {ConfigError} when another uses it with another partition count, and this process must have its own or has used it
   * @throws what `send` does
   */
  claim(send: Send): Promise<void> {
    return this.#ask("claim", send);
  }

  /** Gives the script's reply by plain commands: users who may not load a script have these, too. */
  async #read({ client }: Connection): Promise<readonly string[]> {
    const kind = await client.type(this.#keys.meta());
    if (kind !== "hash" && kind !== "none") return [kind, "", ""];
    const [format, partitions] = await client.hmget(this.#keys.meta(), "format", "partitions");
    return ["hash", format ?? formatVersion, partitions ?? String(this.#partitions)];
  }

  async #ask(purpose: "look" | "claim", send: Send): Promise<void> {
    if (this.#isClaimed) return;
    this.#compare(await (this.#own ?? send)(scripts.meta, [this.#keys.meta()], this.#question(purpose)));
    this.#isClaimed = purpose === "claim";
  }

  #question(purpose: "look" | "claim"): (string | number)[] {
    return [formatVersion, this.#partitions, purpose === "claim" ? "1" : "0"];
  }

  #compare(reply: unknown): void {
    const [kind, format, found] = reply as string[];
    const { namespace } = this.#keys;
    if (kind === "denied") {
      throw new ConfigError(
        `namespace "${namespace}" is not described yet, and this user may not describe it: start one of its components first, or run ` +
          `"throughline prepare --partitions ${this.#partitions}" as its owner`,
      );
    }
    if (kind !== "hash") {
      throw new ConfigError(
        `the key "${this.#keys.meta()}" is a ${kind}, not ours: choose another namespace than "${namespace}"`,
      );
    }
    if (format !== formatVersion) {
      throw new ConfigError(
        `namespace "${namespace}" has format version ${format}; this version of Throughline speaks ${formatVersion}. ` +
          "Nothing was changed: use the version that wrote it, or another namespace",
      );
    }
    if (found === String(this.#partitions)) return;
    const count = Number(found);
    if (!this.#isRequired && !this.#isUsed && Number.isInteger(count) && count >= 1) {
      this.#partitions = count;
      return;
    }
    if (!this.#isRequired) {
      throw new ConfigError(
        `namespace "${namespace}" has ${found} partitions by now, and this process has begun to use it with ${this.#partitions}, as nothing ` +
          "had used it when it looked. Start this process again: it takes the count that it finds",
      );
    }
    throw new ConfigError(
      `namespace "${namespace}" has ${found} partitions, not ${this.#partitions}: with another count the keys of its events would ` +
        "lie elsewhere. Connect with the count it has, or without one",
    );
  }
}

/** Adds a channel or a component to what the namespace says about itself; `status` reads it. */
export async function describe(
  connection: Connection,
  keys: Keys,
  partitions: number,
  name: string,
  text: string,
): Promise<void> {
  const described = connection.at(keys.meta());
  const { client } = described;
  // This repeats until it is written: nobody else writes it, and `status` lists only what the description names.
  const say = async (): Promise<void> => {
    const known = await client.hmget(keys.meta(), "format", "partitions", name);
    // A producer may only read the description. Where a component has written the same, the producer is denied nothing.
    if (known[0] !== null && known[1] !== null && known[2] === text) return;
    await Promise.all([
      // After a FLUSHALL this may be the first write, so that it writes format and partitions as well.
      client.hsetnx(keys.meta(), "format", formatVersion),
      client.hsetnx(keys.meta(), "partitions", partitions),
      client.hset(keys.meta(), name, text),
    ]);
  };
  for (;;) {
    try {
      return await described.repeat(say);
    } catch (error) {
      if (!isMemoryFull(error)) throw error;
      await delay(fullDelayMs, undefined, { ref: false });
    }
  }
}

async function refuseOldServer(connection: Connection, signal: AbortSignal | undefined): Promise<void> {
  await connection.ready(signal);
  const { server, version } = connection.greeting;
  const [major = 0] = version.split(".").map(Number);
  if (server === "redis" && major < 7) {
    throw new ConfigError(`this is Redis ${version}: Throughline needs Redis 7.0 or newer, or Valkey`);
  }
}

/**
 * Waits until the server is the primary: a replica answers reads and refuses all writes. It may be promoted while we
 * are connected.
 */
export async function awaitPrimary(connection: Connection, signal: AbortSignal | undefined): Promise<void> {
  if (!connection.greeting.isReplica) return;
  await connection.repeat(async () => {
    const { isReplica } = toGreeting((await connection.client.call("HELLO")) as RespReply);
    if (isReplica) throw new Error("READONLY the server says that it is a replica");
  }, signal);
  connection.wrote();
}
