/** The backbone over its parts: what is asked of it goes to the one that does it. Owns every connection and disposes of it. */

import type { Component, ComponentHealth } from "../consume/component.ts";
import type { ComponentOptions } from "../consume/options.ts";
import type { Subscription } from "../consume/subscription.ts";
import { type DeadLetters, StoredDeadLetters } from "../inspect/dead-letters/dead-letters.ts";
import { channelReader, type ReadChannel } from "../inspect/entries/typed-entries.ts";
import { findJourney, type Journey, type JourneyOptions } from "../inspect/journey/journey.ts";
import { readSettlements, type SettlementRange } from "../inspect/settlement-reader.ts";
import { type BackboneStatus, readStatus } from "../inspect/status/status.ts";
import type { Channel } from "../model/channel.ts";
import type { Published } from "../model/event.ts";
import type { NotificationHandler } from "../model/notification-handler.ts";
import type { RecordedSettlement } from "../model/recorded-settlement.ts";
import { letsGo } from "../model/retention-policy.ts";
import type { Duty, ExclusiveDuty } from "../ownership/exclusive.ts";
import type { Evicted } from "../ports/append.ts";
import { Producer, type PublishItem, type PublishOptions } from "../publish/producer.ts";
import { RedisInspector } from "../redis/inspect/inspector.ts";
import { RedisAppender, type StoreContext } from "../redis/store/appender.ts";
import { RedisDeadLetterStore } from "../redis/store/dead-letter-store.ts";
import { RedisExactAppender } from "../redis/store/exact-appender.ts";
import { grantAccess } from "../replay/log-access.ts";
import type { SourceOptions } from "../sources/options.ts";
import type { Source, SourceRun } from "../sources/source.ts";
import type { Backbone, StateReader } from "./backbone.ts";
import type { BackboneParts } from "./backbone-parts.ts";
import { Components } from "./components.ts";
import type { ExclusiveOptions } from "./exclusive-options.ts";
import { PublishingRule } from "./publishing-rule.ts";
import { Sources } from "./sources.ts";
import { viewState } from "./state-view.ts";
import { Trimming } from "./trimming.ts";
import { UsedChannels } from "./used-channels.ts";

/** Said once for each partition, with the newest entry that is gone. */
const lostText =
  "the server has gone back: it knows nothing of what it had acknowledged to this process. Events that were published are lost, as a failover " +
  "loses what its replica has not received";

export class ConnectedBackbone implements Backbone {
  readonly namespace: string;
  readonly read: ReadChannel;
  readonly #parts: BackboneParts;
  readonly #producer: Producer;
  readonly #inspector: RedisInspector;
  readonly #deadLetterStore: RedisDeadLetterStore;
  readonly #publishing: PublishingRule;
  readonly #channels: UsedChannels;
  readonly #components: Components;
  readonly #sources: Sources;
  readonly #stopReadiness: () => void;
  /** Set while this process takes part in maintenance. */
  #trimming: Trimming | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: BackboneParts) {
    const { options, keys, topology, tracing, open, connection } = parts;
    const { namespace, log, durability } = options;
    this.namespace = namespace;
    this.#parts = parts;
    const context: StoreContext = {
      namespace: parts.namespace,
      confirmation: durability === undefined ? undefined : { durability, log },
      onEvicted: (evicted) => this.#tellEvicted(evicted),
      onLost: (lost) => log.error({ ...lost }, lostText),
    };
    const quietly = tracing.quietly.bind(tracing);
    const inspector = new RedisInspector({
      topology,
      namespace,
      partitions: () => parts.namespace.partitions,
      log,
      quietly,
    });
    const channels = new UsedChannels(parts, ({ retention }) => {
      if (letsGo(retention) && this.#components.hasAny) this.maintain();
    });
    const appender = new RedisAppender(connection, keys, context);
    this.#producer = new Producer(appender, tracing, appender, options, (channel) => channels.add(channel));
    this.#publishing = new PublishingRule(options.publishInHandlers, tracing, log);
    this.#components = new Components({ parts, storeContext: context, inspector, channels });
    this.#sources = new Sources(parts, context, channels);
    this.#stopReadiness = tracing.observeReadiness(() => this.health());
    this.#channels = channels;
    this.#inspector = inspector;
    this.read = channelReader(inspector);
    this.#deadLetterStore = new RedisDeadLetterStore(connection, keys);
    const timeoutMs = options.publishTimeoutMs;
    grantAccess(this, {
      inspector,
      openExactAppender: (named) =>
        new RedisExactAppender({
          connection: open("import", keys.meta()),
          ...{ keys, channels: named, context, timeoutMs },
        }),
    });
  }

  publish<P>(channel: Channel<P>, payload: P, options?: PublishOptions): Promise<Published> {
    try {
      this.#publishing.check(channel.name);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#producer.publish(channel, payload, options);
  }

  async publishAll(items: readonly PublishItem[]): Promise<readonly Published[]> {
    for (const { channel } of items) this.#publishing.check(channel.name);
    return this.#producer.publishAll(items);
  }

  notifier<P>(channel: Channel<P>): NotificationHandler<P> {
    return {
      handleNotification: async (notification) => {
        await this.publish(channel, notification);
      },
    };
  }

  component(name: string, subscriptions: readonly Subscription[], options: ComponentOptions = {}): Component {
    return this.#components.make(name, subscriptions, options);
  }

  exclusive(name: string, duty: Duty, options: ExclusiveOptions = {}): ExclusiveDuty {
    return this.#components.begin(name, duty, options);
  }

  source<P>(name: string, channel: Channel<P>, run: SourceRun<P>, options: SourceOptions = {}): Source {
    return this.#sources.begin(name, channel, run, options);
  }

  maintain(): void {
    if (this.#closing === undefined) this.#trimming ??= new Trimming(this.#parts, this.#inspector, this.#channels);
  }

  health(): readonly ComponentHealth[] {
    return [...this.#components.health, ...this.#sources.health];
  }

  view<V>(component: string, store: string): StateReader<V> {
    return viewState(this.#inspector, () => this.#partitions(), component, store);
  }

  readSettlements(component: string, range?: SettlementRange): AsyncIterable<RecordedSettlement> {
    return readSettlements(this.#inspector, component, range);
  }

  deadLetters(of: { readonly channel?: string | Channel<unknown>; readonly component?: string } = {}): DeadLetters {
    const { channel, component } = of;
    return new StoredDeadLetters(this.#inspector, this.#deadLetterStore, {
      ...(channel === undefined ? {} : { channel: typeof channel === "string" ? channel : channel.name }),
      ...(component === undefined ? {} : { component }),
    });
  }

  status(): Promise<BackboneStatus> {
    return readStatus(this.#inspector);
  }

  journey(query: string, options?: JourneyOptions): Promise<Journey> {
    return findJourney(this.#inspector, query, options);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { clock, eviction } = this.#parts;
    await Promise.all([this.#components.close(), this.#sources.close()]);
    this.#stopReadiness();
    await this.#trimming?.close();
    clock[Symbol.dispose]();
    eviction?.[Symbol.dispose]();
    this.#deadLetterStore.close();
    await this.#producer.close();
    await this.#inspector[Symbol.asyncDispose]();
  }

  /** The namespace's count as it is now: others may have decided it since this process connected. */
  async #partitions(): Promise<number> {
    const { namespace, connection } = this.#parts;
    await namespace.lookOver(connection);
    return namespace.partitions;
  }

  #tellEvicted({ channel, partition, removed, unfinished }: Evicted): void {
    const { options, tracing } = this.#parts;
    tracing.trimmed(channel, removed);
    if (unfinished === 0) return;
    const text = "the channel is full: it has evicted entries that some component had not finished";
    options.log.error({ channel, partition, removed, unfinished }, text);
  }
}
