/**
 * Watches the server's policy for a full memory, which may delete keys: at the start, on every new connection, and once
 * a minute.
 */

import { ConfigError } from "../../model/errors.ts";
import type { Log } from "../../ports/log.ts";
import type { Connection } from "./connection.ts";
import { isDenied } from "./run-script.ts";

export interface EvictionWatchOptions {
  readonly log: Log;
  /** True where a server that evicts is accepted. */
  readonly isAccepted: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Interval at which the policy is read, ms: CONFIG SET notifies nobody. Default 60,000. */
  readonly everyMs?: number;
}

const harmless = "noeviction";

/** The losses by an eviction, for people. */
const losses =
  "when its memory is full it deletes dedupe keys and the numbers of what was sent, so that events are appended and handled twice" +
  " and, with an allkeys policy, channels, state and dead letters as well";

export class EvictionWatch implements Disposable {
  readonly #connection: Connection;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  /** The policy that was logged last. */
  #policy: string;
  readonly #look = (): void => {
    if (this.#connection.isReady) this.#ask().catch(() => undefined); // the next interval asks again
  };

  private constructor(connection: Connection, log: Log, policy: string, everyMs: number) {
    this.#connection = connection;
    this.#log = log;
    this.#policy = policy;
    this.#timer = setInterval(this.#look, everyMs).unref();
    connection.client.on("ready", this.#look); // it may be another server
  }

  /**
   * Begins to watch. Undefined where there is nothing to watch: the user may not run INFO, or any policy is accepted.
   * @throws {ConfigError} when the server evicts and that is not accepted
   */
  static async begin(
    connection: Connection,
    { log, isAccepted, signal, everyMs = 60_000 }: EvictionWatchOptions,
  ): Promise<EvictionWatch | undefined> {
    const policy = await worstPolicy(connection, signal);
    if (policy === undefined) {
      log.info({}, "this user may not ask for the server's maxmemory-policy: whether it evicts keys is not known");
      return undefined;
    }
    if (policy !== harmless) {
      if (!isAccepted) {
        throw new ConfigError(
          `the server's maxmemory-policy is ${policy}: ${losses}. Set it to noeviction, or accept it by eviction: "accept"`,
        );
      }
      log.warn({ policy }, `the server evicts keys, as was accepted: ${losses}`);
    }
    return isAccepted ? undefined : new EvictionWatch(connection, log, policy, everyMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#connection.client.off("ready", this.#look);
  }

  async #ask(): Promise<void> {
    const policy = await policyOf(this.#connection);
    if (policy === undefined || policy === this.#policy) return;
    this.#policy = policy;
    if (policy === harmless) this.#log.info({ policy }, "the server evicts no keys any more");
    else this.#log.error({ policy }, `the server's maxmemory-policy was changed: ${losses}; set it back to noeviction`);
  }
}

/**
 * The server's policy; of a cluster that of a node which evicts, if any does. Undefined where the user may not ask. What is watched later is the one
 * server, or the node of the connection.
 */
async function worstPolicy(connection: Connection, signal: AbortSignal | undefined): Promise<string | undefined> {
  const ask = async (one: Connection): Promise<string | undefined> => {
    try {
      return await one.repeat(() => policyOf(one), signal);
    } catch (error) {
      if (!isDenied(error)) throw error;
      return undefined;
    }
  };
  const own = await ask(connection);
  if (own === undefined || own !== harmless) return own;
  const nodes = await connection.toNodes();
  try {
    const policies = await Promise.all(nodes.map(ask));
    return policies.find((one) => one !== undefined && one !== harmless) ?? own;
  } finally {
    for (const node of nodes) node.close();
  }
}

/** The server's policy; undefined where it does not say. */
async function policyOf({ client }: Connection): Promise<string | undefined> {
  return /^maxmemory_policy:(\S+)/m.exec(await client.info("memory"))?.[1];
}
