/**
 * Sends scripts in order until they are answered: calls that a lost connection left in doubt are sent again in the same
 * order.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { ResolvedDurability } from "../../model/durability.ts";
import { messageOf } from "../../model/error-message.ts";
import { PublishError, StoreError } from "../../model/errors.ts";
import type { Log } from "../../ports/log.ts";
import type { Script } from "../script-source.ts";
import { CallTurns, type Turn, withTurn } from "./call-turns.ts";
import { type Connection, passingDelayMs } from "./connection.ts";
import { Confirmer } from "./durability.ts";
import { isConnectionLoss, isOutOfTurn, isPassing, isScriptMissing, reasonOf } from "./failures.ts";
import { isDenied } from "./run-script.ts";
import { encodeScriptCall, recycle, type ScriptArgs, setFirst } from "./script-command.ts";

export interface SendOptions {
  /** Longest time to try, ms. Default: for as long as Redis is away. */
  readonly deadlineMs?: number;
  /** Resolves only when the script's writes are as durable as was asked. Default false. */
  readonly isConfirmed?: boolean;
  /** For scripts whose first argument are a call's distances (numbers.lua): what the server refuses for now runs later, and no later call overtakes it. */
  readonly turn?: Turn;
}

/** What the writes of confirmed calls wait for. */
interface Confirmation {
  readonly durability: ResolvedDurability;
  readonly log: Log;
}

interface Request {
  readonly script: Script;
  readonly keys: number;
  readonly encodedCall: Buffer;
  readonly options: SendOptions;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Set while a deadline runs. */
  timer: NodeJS.Timeout | undefined;
  /** True while the request is on the wire, awaiting its reply. */
  inFlight: boolean;
  /** True once the request was on the wire: it may have run. */
  wasSent: boolean;
  /**
   * True once a connection was lost while the request was on the wire: no later refusal can say that it has not run.
   */
  wasInDoubt: boolean;
}

/**
 * The queue of unanswered calls of one connection, and on a cluster one for each node's. Every script that it sends must
 * recognise a second sending: by its number, or because it changes nothing the second time.
 */
export class Outbox {
  readonly #connection: Connection;
  /** Undefined where the server's own durability is enough. */
  readonly #confirmer: Confirmer | undefined;
  readonly #log: Log | undefined;
  /** Unanswered requests in the order of their calls. An array, for the reason that `RollingMap` has. */
  readonly #requests: Request[] = [];
  /** Requests on the wire, those included that were given up. */
  #inFlight = 0;
  /** True while nothing is sent: once all that is in flight has come back, some of it has to be sent again first. */
  #held = false;
  /** Scripts that the server lacks. They are loaded before anything is sent again. */
  readonly #missing = new Set<Script>();
  /** The time at which this user was last refused to load a script, by the monotonic clock; undefined before that. */
  #deniedAt: number | undefined;
  /** True where the server has asked for time. */
  #pause = false;
  /** True between the last reply and the first resend. */
  #resuming = false;
  #closed = false;
  readonly #turns = new CallTurns();
  readonly #confirmation: Confirmation | undefined;
  /** On a cluster the queues of other connections of the family: each node answers by itself. */
  readonly #others = new Map<Connection, Outbox>();

  constructor(connection: Connection, confirmation?: Confirmation) {
    this.#connection = connection;
    this.#confirmation = confirmation;
    this.#log = confirmation?.log;
    this.#confirmer = confirmation === undefined ? undefined : new Confirmer(connection, confirmation.durability);
  }

  /**
   * Sends a script, and resolves with its reply.
   * @throws {PublishError} `rejected` or `unknown`, when the deadline passes or the outbox is closed first
   * @throws the server's own error reply
   */
  send(script: Script, keys: readonly string[], args: ScriptArgs, options: SendOptions = {}): Promise<unknown> {
    const there = this.#connection.at(keys[0] ?? "");
    if (there !== this.#connection) return this.#at(there).send(script, keys, args, options);
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new PublishError("rejected", "the backbone is closed: nothing was sent"));
        return;
      }
      const request: Request = {
        script,
        keys: keys.length,
        encodedCall: encodeScriptCall(script.sha, keys, options.turn === undefined ? args : withTurn(args)),
        options,
        resolve,
        reject,
        timer: undefined,
        inFlight: false,
        wasSent: false,
        wasInDoubt: false,
      };
      const { deadlineMs } = options;
      if (deadlineMs !== undefined) request.timer = setTimeout(() => this.#expire(request), deadlineMs);
      this.#requests.push(request);
      if (this.#held) return;
      if (this.#connection.isReady) this.#transmit(request);
      else this.#hold();
    });
  }

  /** Gives up all unanswered calls. */
  close(): void {
    this.#closed = true;
    for (const other of this.#others.values()) other.close();
    for (const request of [...this.#requests]) this.#giveUp(request, "the backbone was closed before Redis answered");
  }

  #at(connection: Connection): Outbox {
    let other = this.#others.get(connection);
    if (other === undefined) {
      other = new Outbox(connection, this.#confirmation);
      if (this.#closed) other.close();
      this.#others.set(connection, other);
    }
    return other;
  }

  #transmit(request: Request): void {
    request.inFlight = true;
    request.wasSent = true;
    this.#inFlight++;
    const { turn } = request.options;
    if (turn !== undefined) {
      setFirst(request.encodedCall, request.keys, this.#turns.distances(turn, this.#turnBefore(request, turn)));
    }
    const reply = this.#connection.run(request.encodedCall);
    const answer =
      this.#confirmer !== undefined && request.options.isConfirmed === true ? this.#confirm(request, reply) : reply;
    answer.then(
      (reply) => {
        this.#inFlight--;
        this.#connection.wrote();
        if (this.#missing.size > 0) this.#missing.delete(request.script);
        if (turn !== undefined) this.#turns.answered(turn);
        if (this.#finish(request)) {
          recycle(request.encodedCall);
          request.resolve(reply);
        }
        this.#resume();
      },
      (error: unknown) => {
        this.#inFlight--;
        request.inFlight = false;
        if (isConnectionLoss(error)) request.wasInDoubt = true;
        if (isConnectionLoss(error) || isOutOfTurn(error)) this.#hold();
        else if (isScriptMissing(error)) {
          request.wasSent = request.wasInDoubt;
          this.#hold(() => this.#missing.add(request.script));
        } else if (isPassing(error)) {
          this.#connection.tell(error);
          this.#hold(() => {
            this.#pause = true;
          });
        } else if (request.wasInDoubt) {
          // A full memory, say, refuses a script before it can look whether it has run.
          this.#giveUp(request, messageOf(error), error);
        } else if (this.#finish(request)) request.reject(error);
        this.#resume();
      },
    );
  }

  /** Of the last unanswered call of its sequence. */
  #turnBefore(request: Request, { sequence }: Turn): Turn | undefined {
    for (let place = this.#requests.indexOf(request) - 1; place >= 0; place--) {
      const { turn } = (this.#requests[place] as Request).options;
      if (turn?.sequence === sequence) return turn;
    }
    return undefined;
  }

  /**
   * Waits until a script's writes are durable. A lost connection rejects, and the request is sent again with its
   * number: the script then answers as before and writes a little, so that the new connection's question covers it.
   */
  async #confirm(request: Request, reply: Promise<unknown>): Promise<unknown> {
    await reply;
    for (;;) {
      const missing = await this.#confirmer?.missing();
      if (missing === undefined) return reply;
      if (request.options.deadlineMs !== undefined) {
        throw new PublishError("unknown", `it was written, but it is not as durable as was asked: ${missing}`);
      }
      if (this.#closed) throw new StoreError(`the backbone was closed while a settlement was not durable: ${missing}`);
      this.#log?.error({ reason: missing }, "a settlement is not as durable as was asked; asking again");
    }
  }

  #hold(because?: () => void): void {
    because?.();
    if (this.#held) return;
    this.#held = true;
    this.#resume();
  }

  // An unanswered request is sent again only when everything that was sent after it has come back as well. So the order
  // of the calls is the order on the wire, whatever the reason for the resend. That no later call has run meanwhile is
  // the work of their turns.
  #resume(): void {
    if (!this.#held || this.#inFlight > 0 || this.#resuming || this.#closed) return;
    this.#resuming = true;
    this.#prepare().then(
      () => {
        this.#resuming = false;
        this.#held = false;
        for (const request of [...this.#requests]) this.#transmit(request);
      },
      (error: unknown) => {
        this.#resuming = false;
        this.#held = false;
        for (const request of [...this.#requests]) this.#giveUp(request, messageOf(error), error);
      },
    );
  }

  /**
   * Waits until sending can succeed: loads missing scripts, and awaits the connection.
   * @throws {StoreError} when the connection is closed
   */
  async #prepare(): Promise<void> {
    if (this.#pause) await delay(passingDelayMs);
    this.#pause = false;
    for (const script of this.#missing) await this.#load(script);
    await this.#connection.ready();
  }

  /**
   * Loads a script. A user who may not load it waits until somebody else has. Requests without a deadline are given up:
   * their caller logs that and sends them again.
   */
  async #load(script: Script): Promise<void> {
    if (this.#deniedAt === undefined || performance.now() - this.#deniedAt > deniedForMs) {
      try {
        await this.#connection.repeat(() => this.#connection.load(script));
        this.#missing.delete(script);
        return;
      } catch (error) {
        if (!isDenied(error)) throw error;
        this.#deniedAt = performance.now();
      }
    }
    for (const request of [...this.#requests]) {
      if (request.script === script && request.options.deadlineMs === undefined) this.#giveUp(request, scriptWithheld);
    }
    await delay(passingDelayMs);
  }

  #expire(request: Request): void {
    const isWithheld = this.#deniedAt !== undefined && this.#missing.has(request.script);
    const because = this.#connection.awayBecause;
    const reason = because === undefined ? "" : ` (${reasonOf(because)})`;
    this.#giveUp(request, isWithheld ? scriptWithheld : `Redis did not answer in time${reason}`, because);
  }

  #giveUp(request: Request, reason: string, cause?: unknown): void {
    if (!this.#finish(request)) return;
    const outcome = request.wasSent ? "unknown" : "rejected";
    const meaning = request.wasSent ? "it may or may not have been done" : "nothing was done";
    request.reject(new PublishError(outcome, `${reason}: ${meaning}`, { cause }));
  }

  /** Takes the request off the queue. False: it was finished before. */
  #finish(request: Request): boolean {
    clearTimeout(request.timer);
    const place = this.#requests.indexOf(request); // mostly the first, as replies come in order
    if (place >= 0) this.#requests.splice(place, 1);
    return place >= 0;
  }
}

/** Wait before a user who was refused to load a script asks again, ms. */
const deniedForMs = 5_000;

const scriptWithheld =
  "Redis does not have the script that this needs, and this user may not load it: a component that runs in the namespace loads it, " +
  'and so does "throughline prepare" as the namespace\'s owner';
