/** The composition root of the read side: reads a namespace and writes nothing at all. */

import type { LogEntry, ReadRange } from "../inspect/entries/log-reader.ts";
import { channelReader, type TypedEntry } from "../inspect/entries/typed-entries.ts";
import { findJourney, type Journey, type JourneyOptions } from "../inspect/journey/journey.ts";
import { type SearchOptions, searchLog } from "../inspect/search/search.ts";
import { readSettlements, type SettlementRange } from "../inspect/settlement-reader.ts";
import { type BackboneStatus, readStatus } from "../inspect/status/status.ts";
import type { Channel } from "../model/channel.ts";
import { ConfigError } from "../model/errors.ts";
import { isNamespace } from "../model/names.ts";
import type { RecordedSettlement } from "../model/recorded-settlement.ts";
import type { ServersPlace } from "../model/servers.ts";
import { resolveTls, type TlsOptions } from "../model/tls-options.ts";
import { type Log, silentLog } from "../ports/log.ts";
import { RedisInspector } from "../redis/inspect/inspector.ts";
import { grantAccess } from "../replay/log-access.ts";

export interface ObserverOptions extends ServersPlace {
  /** TLS for a rediss:// URL. */
  readonly tls?: TlsOptions | undefined;
  readonly namespace: string;
  /** Told when Redis goes away and comes back while a channel is followed. */
  readonly log?: Log;
}

export interface Observer extends AsyncDisposable {
  /** The state of the namespace. @throws {ConfigError} when the namespace has not been used */
  status(): Promise<BackboneStatus>;
  /** Entries of a channel in log order. */
  read(channel: string, range?: ReadRange): AsyncIterable<LogEntry>;
  /** As above, with payloads as the channel's schema gives them. What is unreadable has a `problem`, and does not stop the reading. */
  read<P>(channel: Channel<P>, range?: ReadRange): AsyncIterable<TypedEntry<P>>;
  /** The settlements of a component in their order. */
  readSettlements(component: string, range?: SettlementRange): AsyncIterable<RecordedSettlement>;
  /**
   * Searches the whole log, the newest events first, for what `journey` takes as a query.
   * @throws {ConfigError} when the namespace has not been used
   */
  search(query: string, options?: SearchOptions): AsyncIterable<LogEntry>;
  /** The story of one order. @throws {ConfigError} when the namespace has not been used */
  journey(query: string, options?: JourneyOptions): Promise<Journey>;
}

/**
 * Opens the read side of a namespace. Connects at the first call; every call fails with a `StoreError` when Redis is
 * away for some seconds.
 * @throws {ConfigError}
 */
export function openObserver(options: ObserverOptions): Observer {
  const inspector = openInspector(options);
  const observer: Observer = {
    status: () => readStatus(inspector),
    read: channelReader(inspector),
    readSettlements: (component, range) => readSettlements(inspector, component, range),
    journey: (query, journeyOptions) => findJourney(inspector, query, journeyOptions),
    search: (query, searchOptions) => searchLog(inspector, query, searchOptions),
    [Symbol.asyncDispose]: () => inspector[Symbol.asyncDispose](),
  };
  grantAccess(observer, { inspector });
  return observer;
}

/** Makes the inspector of a namespace. @throws {ConfigError} */
export function openInspector(options: ObserverOptions): RedisInspector {
  const { url, cluster, sentinel, tls, namespace, log = silentLog } = options;
  if (!isNamespace(namespace)) {
    throw new ConfigError(`namespace "${namespace}" is none: it takes 1 to 64 of a-z, 0-9, ".", "_" and "-"`);
  }
  const secured = tls === undefined ? undefined : resolveTls(tls);
  return new RedisInspector({ url, cluster, sentinel, tls: secured, namespace, log });
}
