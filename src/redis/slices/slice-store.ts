/** The store of a component's slices over Redis. */

import { StoreError } from "../../model/errors.ts";
import type { EventRef } from "../../model/event.ts";
import type { Log } from "../../ports/log.ts";
import type { Slice } from "../../ports/own.ts";
import type { RelayTarget } from "../../ports/relay.ts";
import type { Finished, Presence, Session, SliceStore } from "../../ports/slice-store.ts";
import { ArgWriter } from "../client/argument-writer.ts";
import type { Connection } from "../client/connection.ts";
import { tagOf } from "../client/topology.ts";
import type { Keys } from "../keys.ts";
import type { StoreContext } from "../store/appender.ts";
import { ComponentQueries } from "./component-queries.ts";
import { RedisPresence } from "./presence.ts";
import { RedisRelayTarget } from "./relay-target.ts";
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
  readonly openConnection: (purpose: string, key: string) => Connection;
  /** Each partition may be at a node of its own. Default false. */
  readonly isCluster?: boolean;
  /** Whether settlements are noted in the settlement log. */
  readonly keepsLog: boolean;
}

/**
 * Has one connection for all sessions' calls, and one for each session that reads; on a cluster one for the calls of each partition. When one of
 * them is lost, all to the same place are, and every session with them; what comes next is asked over new ones.
 */
export class RedisSliceStore implements SliceStore, Disposable {
  readonly #options: SliceStoreOptions;
  readonly #sessions: SessionContext;
  readonly #queries: ComponentQueries;
  /** One, or on a cluster one for each hash tag. */
  readonly #links = new Map<string, ServerLink>();
  #isClosed = false;

  constructor(options: SliceStoreOptions) {
    this.#options = options;
    const { keys: names, partitions, log, keepsLog, context } = options;
    const { namespace, onEvicted } = context;
    const link = (key: string): ServerLink => this.#linkOf(key);
    const relays = options.isCluster ?? false;
    this.#sessions = { names, log, keepsLog, relays, namespace, onEvicted, link, body: new ArgWriter() };
    this.#queries = new ComponentQueries(names, partitions, relays, link);
  }

  open(slice: Slice, channels: readonly string[]): Session {
    return new SliceSession(this.#sessions, slice, channels);
  }

  get relays(): boolean {
    return this.#sessions.relays;
  }

  openRelay(slice: Slice, to: number): RelayTarget {
    const { keys: names, log, context } = this.#options;
    const short = (reason: string): void =>
      log.error({ ...slice, to, reason }, "what was moved on is not as durable as was asked; asking again");
    const link = (key: string): ServerLink => this.#linkOf(key);
    return new RedisRelayTarget({ names, link, short, onEvicted: context.onEvicted }, slice, to);
  }

  presence(component: string): Presence {
    return new RedisPresence(this.#options.keys, component, (key) => this.#linkOf(key));
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
    for (const link of this.#links.values()) link.lose(new StoreError("the store is closed"));
  }

  /** @throws {StoreError} when the store is closed */
  #linkOf(key: string): ServerLink {
    if (this.#isClosed) throw new StoreError("the store is closed");
    const { openConnection, component, context, isCluster = false } = this.#options;
    const place = isCluster ? tagOf(key) : "";
    let link = this.#links.get(place);
    if (link === undefined || link.isLost) {
      link = new ServerLink({ ...context, openConnection, component, key });
      this.#links.set(place, link);
    }
    return link;
  }
}
