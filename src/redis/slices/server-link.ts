/** The connections to one server, found by one look-up: when one of them is lost, all are, and with them whoever uses them. */

import { messageOf } from "../../model/error-message.ts";
import { StoreError, StoreRefusal, ThroughlineError } from "../../model/errors.ts";
import type { Connection } from "../client/connection.ts";
import { Confirmer } from "../client/durability.ts";
import { isConnectionLoss, isPassing, isScriptMissing } from "../client/failures.ts";
import { isDenied } from "../client/run-script.ts";
import { encodeScriptCall, recycle, type ScriptArgs } from "../client/script-command.ts";
import { awaitPrimary } from "../namespace.ts";
import type { Script } from "../script-source.ts";
import type { StoreContext } from "../store/appender.ts";
import { publishingScripts } from "../store/scripts.ts";
import { sliceScripts } from "./scripts.ts";

export interface LinkContext extends Pick<StoreContext, "namespace" | "confirmation"> {
  readonly openConnection: (purpose: string, key: string) => Connection;
  readonly component: string;
  /** On a cluster the link is to the node that has this key. */
  readonly key: string;
}

/**
 * Everything that is loaded before the first call: a script that is missing later means that the server was restarted. Those of producers, who may
 * not load any, too: on a cluster a member has a link to each node that has a partition.
 */
const needed: readonly Script[] = [...Object.values(sliceScripts), ...publishingScripts];

export class ServerLink {
  readonly #context: LinkContext;
  readonly #connection: Connection;
  readonly #confirmer: Confirmer | undefined;
  readonly #readers = new Set<Connection>();
  readonly #users = new Set<(reason: Error) => void>();
  /** Resolves when calls can be sent. Waits for as long as the server is away. Rejects when the link is lost first. */
  readonly opened: Promise<void>;
  #isOpen = false;
  #lost: Error | undefined;

  constructor(context: LinkContext) {
    const { openConnection, component, confirmation, key } = context;
    this.#context = context;
    this.#connection = openConnection(`own:${component}`, key);
    this.#confirmer = confirmation === undefined ? undefined : new Confirmer(this.#connection, confirmation.durability);
    this.#connection.client.on("close", () => {
      if (this.#isOpen) this.lose(new StoreError("the connection was lost"));
    });
    this.opened = this.#open();
    this.opened.catch((error: Error) => this.lose(error));
  }

  /** Bare, for reads; a call that fails goes through `failed`. */
  get client(): Connection["client"] {
    return this.#connection.client;
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Calls back when the link is lost, at once where it is, until the returned function is called. */
  use(lost: (reason: Error) => void): () => void {
    if (this.#lost !== undefined) lost(this.#lost);
    this.#users.add(lost);
    return () => this.#users.delete(lost);
  }

  /** Runs a script on the open link, in the order of the calls. @throws {StoreError} */
  async run(script: Script, keys: readonly string[], args: ScriptArgs): Promise<unknown> {
    const encoded = encodeScriptCall(script.sha, keys, args);
    try {
      const reply = await this.#connection.run(encoded);
      recycle(encoded);
      return reply;
    } catch (error) {
      throw this.failed(error);
    }
  }

  /** The error of a call as its caller gets it. Where the server will not answer others either, the link is lost. */
  failed(error: unknown): Error {
    if (error instanceof ThroughlineError) return error;
    const text = messageOf(error);
    const isAnswer = !isConnectionLoss(error) && !isPassing(error) && !isScriptMissing(error);
    if (isAnswer) return this.#lost ?? new StoreRefusal(text, { cause: error });
    this.#connection.leave(text);
    this.lose(new StoreError(isConnectionLoss(error) ? `the connection was lost: ${text}` : text, { cause: error }));
    return this.#lost as Error;
  }

  /**
   * Resolves when everything that was written over the link is as durable as was asked. `short` is called with what is missing whenever the
   * server does not give it in the durability's time; it is asked again then.
   */
  async confirmed(short: (missing: string) => void): Promise<void> {
    for (;;) {
      let missing: string | undefined;
      try {
        missing = await this.#confirmer?.missing();
      } catch (error) {
        throw this.failed(error);
      }
      if (missing === undefined) return;
      short(missing);
    }
  }

  /** A connection of its own for reads that wait. */
  openReader(): Connection {
    const { openConnection, component, key } = this.#context;
    const connection = openConnection(`read:${component}`, key);
    let wasReady = false;
    connection.client.once("ready", () => {
      wasReady = true;
    });
    connection.client.on("close", () => {
      if (wasReady && this.#readers.has(connection)) this.lose(new StoreError("a reading connection was lost"));
    });
    this.#readers.add(connection);
    return connection;
  }

  closeReader(connection: Connection): void {
    this.#readers.delete(connection);
    connection.close();
  }

  lose(reason: Error): void {
    if (this.#lost !== undefined) return;
    this.#lost = reason;
    this.#connection.close();
    for (const reader of [...this.#readers]) this.closeReader(reader);
    for (const lost of [...this.#users]) lost(reason);
    this.#users.clear();
  }

  async #open(): Promise<void> {
    const connection = this.#connection;
    await connection.ready();
    await awaitPrimary(connection, undefined);
    await connection.repeat(async () => {
      try {
        await Promise.all(needed.map((script) => connection.load(script)));
      } catch (error) {
        if (!isDenied(error)) throw error; // somebody else may have loaded them
      }
    });
    await this.#context.namespace.look((script, keys, args) => this.run(script, keys, args));
    if (!connection.isReady) throw new StoreError("the connection was lost while it was opened");
    this.#isOpen = true;
  }
}
