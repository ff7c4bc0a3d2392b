/** Opens and watches connections to Redis. Every resend is ours: the client's own resend can append or read twice. */

import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { messageOf } from "../../model/error-message.ts";
import { StoreError } from "../../model/errors.ts";
import type { ServersPlace } from "../../model/servers.ts";
import type { TlsOptions } from "../../model/tls-options.ts";
import type { Log } from "../../ports/log.ts";
import type { Quietly } from "../../ports/tracing.ts";
import type { Script } from "../script-source.ts";
import { clientOptions, elsewhere, handshakeTimeoutMs } from "./client-options.ts";
import type { ServerGreeting } from "./conversation.ts";
import {
  isAnswer,
  isConnectionLoss,
  isForGood,
  isPassing,
  passingText,
  reasonOf,
  refused,
  withoutCommand,
} from "./failures.ts";
import { QuietRedis } from "./quiet-redis.ts";
import { ScriptCommand } from "./script-command.ts";
import { type Topology, tagOf, topologyOf } from "./topology.ts";

/** Wait before a server is asked again that has said "later" (it loads its data, it is no longer the primary), ms. */
export const passingDelayMs = 100;

/** Longest wait between two attempts to connect, ms. Where another server may have taken over it is short. */
const longestWaitMs: Readonly<Record<Topology["kind"], number>> = { server: 1_000, sentinel: 250, cluster: 250 };

export interface ConnectionOptions extends ServersPlace {
  readonly tls?: TlsOptions | undefined;
  /** Shared with other connections to the same servers, in place of `url` and the others. */
  readonly topology?: Topology | undefined;
  /** On a cluster the connection is to the node that has this key. */
  readonly key?: string | undefined;
  readonly log: Log;
  /** A socket that owes a reply and stays silent for this long is cut, ms. */
  readonly silenceMs: number;
  /** The name that CLIENT LIST shows for the connection. */
  readonly purpose: string;
  /** Runs every command, connecting included, such as with spans suppressed. Default: runs it as it is. */
  readonly quietly?: Quietly | undefined;
}

/**
 * One connection that reconnects by itself but never resends: a command whose connection broke is rejected with
 * `ConnectionLost`, and whoever sent it decides. Commands that are sent while the connection is ready keep their order.
 */
export class Connection {
  readonly client: Redis;
  /** A socket that owes a reply and stays silent for this long is cut, ms. */
  readonly silenceMs: number;
  readonly topology: Topology;
  readonly #options: ConnectionOptions;
  /** On a cluster all connections that were asked for from one of them, by the hash tag of their keys; this one is among them. */
  readonly #family: Map<string, Connection>;
  readonly #log: Log;
  #losses = 0;
  /** Set at `close`. The client emits no event when it is closed while it reconnects. */
  #isClosed = false;
  /** Callbacks of those who wait for the status to change. */
  readonly #waiting = new Set<() => void>();
  #everReady = false;
  /**
   * The reason why the server refuses the connection for good. Set only before the first success: later on an operator
   * may put it right.
   */
  #refusal: Error | undefined;
  /** Why it could not be made last, or was lost; undefined while it is there. */
  #awayBecause: Error | undefined;
  #greeting: ServerGreeting | undefined;
  /** The kind of "later" that was logged last; undefined once the server takes commands. */
  #passing: string | undefined;
  /** The time since which Redis is away, epoch ms, and the reason that was logged last. */
  #away: { since: number; told?: string } | undefined = { since: Date.now() };

  constructor(options: ConnectionOptions, family: Map<string, Connection> = new Map()) {
    this.#options = options;
    this.#family = family;
    this.#log = options.log;
    this.silenceMs = options.silenceMs;
    const topology = options.topology ?? topologyOf(options, options.tls);
    this.topology = topology;
    if (topology.kind === "cluster") family.set(tagOf(options.key ?? ""), this);
    const handshake = clientOptions(topology, options.key ?? "", {
      name: `throughline:${options.purpose}`,
      timeoutMs: Math.min(options.silenceMs, handshakeTimeoutMs),
      onGreeting: (greeting) => {
        this.#greeting = greeting;
      },
    });
    const client = new QuietRedis({
      ...handshake,
      lazyConnect: true,
      enableOfflineQueue: false,
      // Zero rejects what is in flight as soon as the connection is lost. The default would send it again.
      maxRetriesPerRequest: 0,
      socketTimeout: options.silenceMs,
      retryStrategy: (attempt) => Math.min(25 * 2 ** Math.min(attempt, 6), longestWaitMs[topology.kind]),
      noDelay: true,
      // The ready check sends INFO, which a least-privilege user may not. A server that still loads says so to every
      // command anyway.
      enableReadyCheck: false,
      // The client calls this with every error reply. It has put the command, payload included, on the error, where
      // printing would show it.
      reconnectOnError: (error) => {
        withoutCommand(error);
        if (topology.kind === "server" || !elsewhere.test(error.message)) return false;
        topology.outdated();
        return 1;
      },
    });
    if (options.quietly !== undefined) client.quietly = options.quietly;
    this.client = client;
    this.client.on("error", (error: Error) => this.#lost(error));
    this.client.on("close", () => {
      if (!this.#isClosed) topology.outdated();
      this.#losses++;
      this.#wake();
      if (!this.#isClosed) this.#away ??= { since: Date.now() };
    });
    this.client.on("ready", () => {
      this.#everReady = true;
      if (this.#away?.told !== undefined) this.#log.info({ awayMs: Date.now() - this.#away.since }, "Redis is back");
      this.#away = undefined;
      this.#awayBecause = undefined;
      this.#wake();
    });
    this.client.on("end", () => this.#wake());
  }

  /** The connection to the node that has the key: this one, but on a cluster one for each hash tag. It is closed with this one. */
  at(key: string): Connection {
    if (this.topology.kind !== "cluster") return this;
    const known = this.#family.get(tagOf(key));
    if (known !== undefined) return known;
    const opened = new Connection({ ...this.#options, topology: this.topology, key }, this.#family);
    if (this.#isClosed) opened.close();
    return opened;
  }

  /** Of a cluster: a connection of its own to each node that has slots, to be closed by the caller. Waits while no node answers. */
  async toNodes(): Promise<readonly Connection[]> {
    await this.ready();
    const nodes = await this.topology.nodes();
    return nodes.map((topology) => new Connection({ ...this.#options, topology }));
  }

  /** The number of times that the connection was lost. */
  get losses(): number {
    return this.#losses;
  }

  /** The server's description of itself at the last handshake. @throws {StoreError} before the first one */
  get greeting(): ServerGreeting {
    if (this.#greeting === undefined) throw new StoreError("Redis has not been connected to yet");
    return this.#greeting;
  }

  /** Why Redis is away, in the system's words, such as ECONNREFUSED; undefined while it is there, or where nothing is known. */
  get awayBecause(): Error | undefined {
    return this.#awayBecause;
  }

  /** True when commands can be sent. The client alone calls itself ready until it hears that its socket has ended. */
  get isReady(): boolean {
    return this.client.status === "ready" && this.client.stream.writable;
  }

  /**
   * Resolves when commands can be sent. Waits for as long as Redis is away, and logs that once.
   * @throws {StoreError} when the connection was closed by us
   * @throws {ConfigError} when at the first attempt the server refuses our login or database, or its certificate does
   * not hold
   */
  async ready(signal?: AbortSignal): Promise<void> {
    while (!this.isReady) {
      if (this.#isClosed || this.client.status === "end") throw new StoreError("the connection to Redis is closed");
      if (this.#refusal !== undefined) {
        throw refused(this.#refusal);
      }
      signal?.throwIfAborted();
      if (this.client.status === "wait") this.client.connect().catch(() => undefined); // "error" and "close" report it
      await this.#changed(signal);
    }
  }

  /** Runs a script by its digest. Rejects as the command does, with NOSCRIPT where the server does not have it. */
  run(encodedCall: Buffer): Promise<unknown> {
    return this.client.sendCommand(new ScriptCommand(encodedCall)) as Promise<unknown>;
  }

  async load(script: Script): Promise<void> {
    await this.client.script("LOAD", script.source);
  }

  /** Sends a repeatable request until Redis answers. @throws the server's own error reply */
  async repeat<T>(ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      await this.ready(signal);
      try {
        const answer = await ask();
        this.answered();
        return answer;
      } catch (error) {
        if (!isPassing(error) && !isConnectionLoss(error)) throw error;
        if (isPassing(error)) await this.pass(error);
        signal?.throwIfAborted();
      }
    }
  }

  /** Logs a reply that says "later", and waits a moment. */
  async pass(error: unknown): Promise<void> {
    this.tell(error);
    await delay(passingDelayMs);
  }

  /** Logs once which kind of "later" the server has said. */
  tell(error: unknown): void {
    const reason = messageOf(error);
    this.leave(reason);
    const kind = /^(READONLY|UNBLOCKED) /.test(reason) ? "READONLY" : (reason.split(" ", 1)[0] ?? "");
    if (this.#passing === kind || this.#isClosed) return;
    this.#passing = kind;
    if (kind === "MOVED" || kind === "ASK")
      this.#log.info({ reason }, "the slot is at another node now, or on its way there");
    else if (kind === "READONLY") {
      this.#log.error(
        { reason },
        "this Redis is a replica, perhaps a primary that was demoted: it takes no writes; waiting until it is the primary",
      );
    } else this.#log.warn({ reason }, passingText(kind));
  }

  /** Cuts the connection to a server that does not have the key any more: the next one is to whoever has it. */
  leave(reason: string): void {
    if (this.topology.kind === "server" || !elsewhere.test(reason)) return;
    this.topology.outdated();
    if (this.isReady) this.client.stream.destroy();
  }

  /** Notes that the server has answered a read. A replica answers reads as well. */
  answered(): void {
    if (this.#passing !== "READONLY") this.wrote();
  }

  /** Notes that the server has answered as one that takes writes. */
  wrote(): void {
    if (this.#passing === undefined) return;
    this.#passing = undefined;
    this.#log.info({}, "Redis takes commands again");
  }

  /** Resolves when the connection's status changes, or the signal aborts. */
  #changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake();
    this.client.disconnect();
    for (const other of this.#family.values()) other.close();
  }

  #lost(error: Error): void {
    withoutCommand(error);
    if (!this.#everReady && isForGood(error)) this.#refusal = error;
    this.#away ??= { since: Date.now() };
    this.#awayBecause = error;
    const reason = reasonOf(error);
    // An outage is logged once, however many attempts fail. A refusal by a server that is there is logged beside it.
    const isNews = this.#away.told === undefined || (isAnswer(error) && this.#away.told !== reason);
    if (!isNews || this.#isClosed) return;
    this.#away.told = reason;
    this.#log.warn({ reason }, `Redis is away (${reason}); retrying`);
  }
}
