/** Opens and watches connections to Redis: every resend is ours, because the client's own can append or read twice. */

import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { ConfigError, StoreError } from "../../model/errors.ts";
import type { TlsOptions } from "../../model/tls-options.ts";
import type { Log } from "../../ports/log.ts";
import type { Quietly } from "../../ports/tracing.ts";
import type { Script } from "../store/scripts.ts";
import { parseRedisUrl } from "./address.ts";
import { clientOptions, handshakeTimeoutMs } from "./client-options.ts";
import { HandshakeRefusedError, type ServerGreeting } from "./handshake.ts";
import { ScriptCommand } from "./script-command.ts";

/** How long a server that says "later" (it loads its data, it is no longer the primary) is left alone, ms. */
export const passingDelayMs = 100;

export interface ConnectionOptions {
  readonly url: string;
  readonly tls?: TlsOptions | undefined;
  readonly log: Log;
  /** A socket that owes a reply and stays silent for this long is cut. */
  readonly silenceMs: number;
  /** What the connection is for, shown by CLIENT LIST. */
  readonly purpose: string;
  /** Under which every command is sent, that of connecting included. Default: as they come. */
  readonly quietly?: Quietly | undefined;
}

/** Sends its commands so that whoever instruments Redis clients makes no spans of them, whatever called for them. */
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
  /** A socket that owes a reply and stays silent for this long is cut. */
  readonly silenceMs: number;
  readonly #log: Log;
  #losses = 0;
  /** Set at `close`. The client itself tells nobody that it was closed while it was reconnecting. */
  #isClosed = false;
  /** Who waits for the status to change. */
  readonly #waiting = new Set<() => void>();
  #everReady = false;
  /** Why the server will never take us; only before the first success, as later on an operator may yet put it right. */
  #refusal: Error | undefined;
  #greeting: ServerGreeting | undefined;
  /** The kind of "later" that was told last; undefined once the server takes commands. */
  #passing: string | undefined;
  /** Since when, and the reason that was last told. */
  #away: { since: number; told?: string } | undefined = { since: Date.now() };

  constructor(options: ConnectionOptions) {
    this.#log = options.log;
    this.silenceMs = options.silenceMs;
    const handshake = clientOptions(parseRedisUrl(options.url, options.tls), {
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
      // Zero flushes what is in flight with an error as soon as the connection is lost. The default would send it again.
      maxRetriesPerRequest: 0,
      socketTimeout: options.silenceMs,
      retryStrategy: (attempt) => Math.min(25 * 2 ** Math.min(attempt, 6), 1_000),
      noDelay: true,
      // It asks INFO, which a least-privilege user may not; a server that still loads says so to every command anyway.
      enableReadyCheck: false,
      // Called with every error reply. The client hangs the command on it, with its payload, for whoever prints the error.
      reconnectOnError: (error) => {
        withoutCommand(error);
        return false;
      },
    });
    if (options.quietly !== undefined) client.quietly = options.quietly;
    this.client = client;
    this.client.on("error", (error: Error) => this.#lost(error));
    this.client.on("close", () => {
      this.#losses++;
      this.#wake();
      if (!this.#isClosed) this.#away ??= { since: Date.now() };
    });
    this.client.on("ready", () => {
      this.#everReady = true;
      if (this.#away?.told !== undefined) this.#log.info({ awayMs: Date.now() - this.#away.since }, "Redis is back");
      this.#away = undefined;
      this.#wake();
    });
    this.client.on("end", () => this.#wake());
  }

  /** Grows whenever the connection is lost. */
  get losses(): number {
    return this.#losses;
  }

  /** What the server has said of itself when the connection was last made. @throws {StoreError} before the first */
  get greeting(): ServerGreeting {
    if (this.#greeting === undefined) throw new StoreError("Redis has not been connected to yet");
    return this.#greeting;
  }

  /** The client calls itself ready until it hears of the end of a socket that can no longer be written to. */
  get isReady(): boolean {
    return this.client.status === "ready" && this.client.stream.writable;
  }

  /**
   * Resolves when commands can be sent. Waits for as long as Redis is away, and says so once.
   * @throws {StoreError} when the connection was closed by us
   * @throws {ConfigError} when the server refuses our login or database at the first attempt, or we its certificate
   */
  async ready(signal?: AbortSignal): Promise<void> {
    while (!this.isReady) {
      if (this.#isClosed || this.client.status === "end") throw new StoreError("the connection to Redis is closed");
      if (this.#refusal !== undefined) {
        throw refused(this.#refusal);
      }
      signal?.throwIfAborted();
      if (this.client.status === "wait") this.client.connect().catch(() => undefined); // "error" and "close" tell
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

  /** For what may be sent any number of times: does it until Redis answers. @throws the server's own error reply */
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

  /** Waits a moment after a reply that says "later". */
  async pass(error: unknown): Promise<void> {
    this.tell(error);
    await delay(passingDelayMs);
  }

  /** Says once what the server is that says "later". */
  tell(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const kind = /^(READONLY|UNBLOCKED) /.test(reason) ? "READONLY" : (reason.split(" ", 1)[0] ?? "");
    if (this.#passing === kind || this.#isClosed) return;
    this.#passing = kind;
    if (kind === "READONLY") {
      this.#log.error(
        { reason },
        "this Redis is a replica, perhaps a primary that was demoted: it takes no writes; waiting until it is the primary",
      );
    } else this.#log.warn({ reason }, passingText(kind));
  }

  /** The server has answered. A replica does that, too, to whoever reads. */
  answered(): void {
    if (this.#passing !== "READONLY") this.wrote();
  }

  /** The server has answered as one that takes writes. */
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
    this.#isClosed = true;
    this.#wake();
    this.client.disconnect();
  }

  #lost(error: Error): void {
    withoutCommand(error);
    if (!this.#everReady && (isHandshakeRefused(error) || isCertificateRefused(error))) this.#refusal = error;
    this.#away ??= { since: Date.now() };
    const reason = error.message || String((error as NodeJS.ErrnoException).code);
    // Once, however often it is tried; but a server that is there and refuses us is another matter than one that is away.
    const isNews =
      this.#away.told === undefined || (error instanceof HandshakeRefusedError && this.#away.told !== reason);
    if (!isNews || this.#isClosed) return;
    this.#away.told = reason;
    this.#log.warn({ reason }, "Redis is away; retrying");
  }
}

/** Whether the command may or may not have run because its connection broke, so that only its number can tell. */
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

/** A reply with which a server says that it will take commands later: it starts, or it is no longer the primary. */
export function isPassing(error: unknown): boolean {
  // A read that waited on a primary is ended with UNBLOCKED when that becomes a replica. There are other reasons for this word.
  const passing = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY) |^UNBLOCKED force unblock/;
  return error instanceof Error && passing.test(error.message);
}

function passingText(kind: string): string {
  if (kind === "LOADING") return "Redis still loads its data; waiting";
  if (kind === "BUSY") return "Redis is busy with somebody's script; waiting";
  return "Redis takes no commands at the moment; waiting";
}

/** The server's memory is full, and what was sent would add to it. */
export function isMemoryFull(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("OOM ");
}

/** The server does not have the script: it was restarted, or somebody flushed its scripts. */
export function isScriptMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

/** A call that was sent before this one has not run: it will be sent again, and this one after it. */
export function isOutOfTurn(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("OUTOFTURN");
}

/** No password or a wrong one, a database that is not there, a user who may not use it: another attempt would fare no better. */
function isHandshakeRefused(error: Error): boolean {
  return error instanceof HandshakeRefusedError && !error.isPassing;
}

/** The server's certificate does not hold, or the server wants one of ours that it trusts. */
function isCertificateRefused(error: Error): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return (
    /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_CERT_)/.test(code) ||
    /^ERR_SSL_.*CERT/.test(code)
  );
}

function refused(error: Error): ConfigError {
  if (!isCertificateRefused(error)) {
    return new ConfigError(`Redis refuses the connection: ${error.message}`, { cause: error });
  }
  return new ConfigError(`the TLS connection to Redis is refused: ${error.message}`, { cause: error });
}

/** Takes the command that failed off its error: an error is printed and logged, arguments are secrets and payloads. */
function withoutCommand(error: Error): void {
  delete (error as Error & { command?: unknown }).command;
}
