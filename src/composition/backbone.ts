/** The backbone: what a process can do with a namespace. */

import type { Component, ComponentHealth } from "../consume/component.ts";
import type { ComponentOptions } from "../consume/options.ts";
import type { Subscription } from "../consume/subscription.ts";
import type { DeadLetters } from "../inspect/dead-letters/dead-letters.ts";
import type { LogEntry, ReadRange } from "../inspect/entries/log-reader.ts";
import type { TypedEntry } from "../inspect/entries/typed-entries.ts";
import type { Journey, JourneyOptions } from "../inspect/journey/journey.ts";
import type { SettlementRange } from "../inspect/settlement-reader.ts";
import type { BackboneStatus } from "../inspect/status/status.ts";
import type { Channel } from "../model/channel.ts";
import type { Published } from "../model/event.ts";
import type { NotificationHandler } from "../model/notification-handler.ts";
import type { RecordedSettlement } from "../model/recorded-settlement.ts";
import type { Duty, ExclusiveDuty } from "../ownership/exclusive.ts";
import type { PublishItem, PublishOptions } from "../publish/producer.ts";
import type { SourceOptions } from "../sources/options.ts";
import type { Source, SourceRun } from "../sources/source.ts";
import type { ExclusiveOptions } from "./exclusive-options.ts";

/**
 * A read-only look at a component's state. State belongs to a partition: a key may have a value in several, where events of several partitions
 * write it (as with outputs that have `placement: "source"`).
 */
export interface StateReader<V> {
  /** The value in the key's own partition, else in the first other partition that has a value. */
  get(key: string): Promise<V | undefined>;
  /**
   * Lists every key with its value and partition, in no particular order, each key once for each partition that has it. A key that is written
   * or deleted meanwhile may or may not be listed. Keys are read by the hundred; the memory is that of one partition's keys.
   * @throws {StoreError}
   */
  list(): AsyncIterable<readonly [key: string, value: V, partition: number]>;
}

export interface Backbone extends AsyncDisposable {
  readonly namespace: string;
  /**
   * Resolves when Redis has appended the event.
   * @throws {PayloadError} before anything is sent
   * @throws {ChannelError} when the channel's `key` or `correlation` fails on the payload; nothing is sent then either
   * @throws {PublishError} when Redis does not answer in time, or refuses
   */
  publish<P>(channel: Channel<P>, payload: P, options?: PublishOptions): Promise<Published>;
  /** Appends up to 1,000 events made by `item`, of one partition: all or none, in this order. @throws as `publish` */
  publishAll(items: readonly PublishItem[]): Promise<readonly Published[]>;
  /** The channel as a notification handler, for code that should know nothing else. */
  notifier<P>(channel: Channel<P>): NotificationHandler<P>;
  /** Makes a component: a consumer group's handlers, to be run in this process. @throws {ConfigError} */
  component(name: string, subscriptions: readonly Subscription[], options?: ComponentOptions): Component;
  /**
   * Runs a duty in one process of all that are given one under this name, from now until it is disposed of: a poller, a schedule. When that
   * process stops, or falls silent for `takeoverAfterMs` (default 5,000), another one begins. @throws {ConfigError}
   */
  exclusive(name: string, duty: Duty, options?: ExclusiveOptions): ExclusiveDuty;
  /**
   * Brings in what an outside system says that numbers it: `run` reads on from where the last append left off, and appends events to the
   * channel together with their position, so that each comes in exactly once, across disconnects, crashes and takeovers. One run for each
   * partition, or one in all, in one process of all that have the source; from now until it is disposed of. An event lies where its key says;
   * one without a key, or of a channel with `placement: "source"`, in the run's partition. @throws {ConfigError}
   */
  source<P>(name: string, channel: Channel<P>, run: SourceRun<P>, options?: SourceOptions): Source;
  /**
   * Takes part in the namespace's maintenance until `close`: trims the channels that this process has used, as its own
   * code says, once a period among all processes that trim the same. Components whose channels have a retention begin
   * by themselves.
   */
  maintain(): void;
  /** The health of this process's components and sources, closed ones left out. Redis is not asked. */
  health(): readonly ComponentHealth[];
  /** The state of a component as it was last settled, to be read from outside. */
  view<V>(component: string, store: string): StateReader<V>;
  /** Entries of a channel in log order; touches no group's position. */
  read(channel: string, range?: ReadRange): AsyncIterable<LogEntry>;
  /** As above, with payloads as the channel's schema gives them. What is unreadable has a `problem`, and does not stop the reading. */
  read<P>(channel: Channel<P>, range?: ReadRange): AsyncIterable<TypedEntry<P>>;
  /** The settlements of a component in their order; none where it runs with `settlementLog: false`. */
  readSettlements(component: string, range?: SettlementRange): AsyncIterable<RecordedSettlement>;
  /** The dead letters of one channel and component; of all channels or components where these are left out. */
  deadLetters(of?: { readonly channel?: string | Channel<unknown>; readonly component?: string }): DeadLetters;
  status(): Promise<BackboneStatus>;
  /** The story of one order, told from the log alone. `query` is an event id, or `attribute=value`. */
  journey(query: string, options?: JourneyOptions): Promise<Journey>;
  /** Drains the components that run, waits for publishes under way, closes the connections. A second call joins the first. */
  close(): Promise<void>;
}
