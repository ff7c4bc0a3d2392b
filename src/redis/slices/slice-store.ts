/** The store of a component's slices over Redis. */

import { StoreError } from "../../model/errors.ts";
import type { EventRef } from "../../model/event.ts";
import type { Log } from "../../ports/log.ts";
import type { Slice } from "../../ports/own.ts";
import type { Finished, Presence, Session, SliceStore } from "../../ports/slice-store.ts";
import { ArgWriter } from "../client/argument-writer.ts";
import type { Connection } from "../client/connection.ts";
import type { Keys } from "../keys.ts";
import type { StoreContext } from "../store/appender.ts";
import { ComponentQueries } from "./component-queries.ts";
import { RedisPresence } from "./presence.ts";
import { ServerLink } from "./server-link.ts";
import { type SessionContext, SliceSession } from "./slice-session.ts";

export interface SliceStoreOptions {
  /** Names its connections. */
  readonly component: string;
  readonly keys: Keys;
  readonly partitions: () => number;
  readonly log: Log;
  readonly context: StoreContext;
  /** Opens a connection; the purpose is its name in CLIENT LIST. */
  readonly openConnection: (purpose: string) => Connection;
  /** Whether settlements are noted in the settlement log. */
  readonly keepsLog: boolean;
}

/**
 * Has one connection for all sessions' calls, and one for each session that reads. When one of them is lost all are, and every session with
 * them; what comes next is asked over new ones.
 */
export class RedisSliceStore implements SliceStore, Disposable {
  readonly #options: SliceStoreOptions;
  readonly #sessions: SessionContext;
  readonly #queries: ComponentQueries;
  #link: ServerLink | undefined;
  #isClosed = false;

  constructor(options: SliceStoreOptions) {
    this.#options = options;
    const { keys: names, partitions, log, keepsLog, context } = options;
    const { namespace, onEvicted } = context;
    const link = (): ServerLink => this.#linkOf();
    this.#sessions = { names, log, keepsLog, namespace, onEvicted, link, body: new ArgWriter() };
    this.#queries = new ComponentQueries(names, partitions, link);
  }

  open(slice: Slice, channels: readonly string[]): Session {
    return new SliceSession(this.#sessions, slice, channels);
  }

  presence(component: string): Presence {
    return new RedisPresence(this.#options.keys, component, () => this.#linkOf());
  }

  whenFinished(component: string, ref: EventRef, signal: AbortSignal): Promise<Finished> {
    return this.#queries.whenFinished(component, ref, signal);
  }

  whenIdle(component: string, channels: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#queries.whenIdle(component, channels, signal);
  }

  /** Closes all connections. What is unanswered rejects. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#link?.lose(new StoreError("the store is closed"));
  }

  /** @throws {StoreError} when the store is closed */
  #linkOf(): ServerLink {
    if (this.#isClosed) throw new StoreError("the store is closed");
    if (this.#link === undefined || this.#link.isLost) {
      const { openConnection, component, context } = this.#options;
      this.#link = new ServerLink({ ...context, openConnection, component });
    }
    return this.#link;
  }
}
