/** Opens and watches connections to Redis. Every resend is ours: the client's own resend can append or read twice. */

import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { messageOf } from "../../model/error-message.ts";
import { ConfigError, StoreError } from "../../model/errors.ts";
import type { ServersPlace } from "../../model/servers.ts";
import type { TlsOptions } from "../../model/tls-options.ts";
import type { Log } from "../../ports/log.ts";
import type { Quietly } from "../../ports/tracing.ts";
import type { Script } from "../script-source.ts";
import { clientOptions, elsewhere, handshakeTimeoutMs } from "./client-options.ts";
import type { ServerGreeting } from "./handshake.ts";
import { HandshakeRefusedError, WrongServerError } from "./refusals.ts";
import { ScriptCommand } from "./script-command.ts";
import { type Topology, topologyOf } from "./topology.ts";

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

/** A client whose commands make no spans in the instrumentation of Redis clients, whatever calls them. */
class QuietRedis extends Redis {
  quietly: Quietly = (run) => run();

  override connect(callback?: Parameters<Redis["connect"]>[0]): Promise<void> {
    return this.quietly(() => super.connect(callback));
  }

  override sendCommand(...args: Parameters<Redis["sendCommand"]>): unknown {
    return this.quietly(() => super.sendCommand(...args));
  }
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

/** The part of a key that decides about its slot. */
export function tagOf(key: string): string {
  return /\{([^}]+)\}/.exec(key)?.[1] ?? key;
}

/** An error in words. That of a host with several addresses has an error for each, and no message of its own. */
export function reasonOf(error: Error): string {
  return error.message || String((error as NodeJS.ErrnoException).code);
}

/**
 * True where a command's connection broke, so that the command may or may not have run. Only its batch number can tell.
 */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.name === "MaxRetriesPerRequestError" ||
    error.message === "Connection is closed." ||
    error.message.startsWith("Stream isn't writeable") ||
    error.message.startsWith("Socket timeout") ||
    error.message.startsWith("Command aborted")
  );
}

/**
 * True for a reply with which the server says that it will take commands later: it starts, or it is no longer the
 * primary.
 */
export function isPassing(error: unknown): boolean {
  // A blocking read on a primary ends with UNBLOCKED when the primary becomes a replica. This word has other reasons,
  // too.
  const passing = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY) |^UNBLOCKED force unblock/;
  return error instanceof Error && passing.test(error.message);
}

function passingText(kind: string): string {
  if (kind === "LOADING") return "Redis still loads its data; waiting";
  if (kind === "BUSY") return "Redis is busy with somebody's script; waiting";
  if (kind === "CLUSTERDOWN") return "the cluster does not serve the slot at the moment; waiting";
  if (kind === "TRYAGAIN") return "the slot is being moved to another node; waiting";
  return "Redis takes no commands at the moment; waiting";
}

/** True where the server's memory is full and the command would have added to it. */
export function isMemoryFull(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("OOM ");
}

/** True where the server does not have the script: it was restarted, or somebody flushed its scripts. */
export function isScriptMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

/** True where an earlier call has not run yet: that one is sent again, and then this one. */
export function isOutOfTurn(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("OUTOFTURN");
}

/** The server has answered: it is there, but not as it should be. */
function isAnswer(error: Error): boolean {
  return error instanceof HandshakeRefusedError || error instanceof WrongServerError;
}

function isForGood(error: Error): boolean {
  return isHandshakeRefused(error) || isCertificateRefused(error) || error instanceof WrongServerError;
}

/** True for a login or database that the server refuses: another attempt would fail as well. */
function isHandshakeRefused(error: Error): boolean {
  return error instanceof HandshakeRefusedError && !error.isPassing;
}

/** True where the server's certificate does not hold, or the server wants a client certificate that it trusts. */
function isCertificateRefused(error: Error): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return (
    /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_CERT_)/.test(code) ||
    /^ERR_SSL_.*CERT/.test(code)
  );
}

function refused(error: Error): ConfigError {
  if (error instanceof WrongServerError) return new ConfigError(error.message, { cause: error });
  if (!isCertificateRefused(error)) {
    return new ConfigError(`Redis refuses the connection: ${error.message}`, { cause: error });
  }
  return new ConfigError(`the TLS connection to Redis is refused: ${error.message}`, { cause: error });
}

/** Removes the failed command from its error: errors are printed and logged, and arguments are secrets and payloads. */
function withoutCommand(error: Error): void {
  delete (error as Error & { command?: unknown }).command;
}
