/** The composition root of a backbone: options in, wired parts out. Owns every connection and disposes of it. */

import type { Component, ComponentHealth } from "../consume/component.ts";
import { type ComponentOptions, resolveComponentOptions } from "../consume/options.ts";
import { RunningComponent } from "../consume/running-component.ts";
import type { Subscription } from "../consume/subscription.ts";
import { type DeadLetters, StoredDeadLetters } from "../inspect/dead-letters/dead-letters.ts";
import type { LogEntry, ReadRange } from "../inspect/entries/log-reader.ts";
import { channelReader, type ReadChannel, type TypedEntry } from "../inspect/entries/typed-entries.ts";
import { findJourney, type Journey, type JourneyOptions } from "../inspect/journey/journey.ts";
import { readSettlements, type SettlementRange } from "../inspect/settlement-reader.ts";
import { gaugesOf } from "../inspect/status/group-gauges.ts";
import { type BackboneStatus, readStatus } from "../inspect/status/status.ts";
import type { Channel } from "../model/channel.ts";
import { ConfigError, StoreError } from "../model/errors.ts";
import type { Published } from "../model/event.ts";
import type { NotificationHandler } from "../model/notification-handler.ts";
import type { RecordedSettlement } from "../model/recorded-settlement.ts";
import { describeRetention, letsGo, type Retention } from "../model/retention-policy.ts";
import { requireWellFormed } from "../model/well-formed-text.ts";
import { type Duty, ExclusiveDuty } from "../ownership/exclusive.ts";
import type { Evicted } from "../ports/append.ts";
import { hostChance, hostClock } from "../ports/host-clock.ts";
import type { OwnedGauge, Tracing } from "../ports/tracing.ts";
import { partitionOf } from "../publish/placement.ts";
import { Producer, type PublishItem, type PublishOptions } from "../publish/producer.ts";
import { parseRedisUrl } from "../redis/client/address.ts";
import { redisClientOptions } from "../redis/client/client-options.ts";
import { Connection, reasonOf } from "../redis/client/connection.ts";
import { refuseWithoutDurability } from "../redis/client/durability.ts";
import { EvictionWatch } from "../redis/client/eviction-watch.ts";
import { ServerClock } from "../redis/client/server-clock.ts";
import { runningChannels } from "../redis/component-directory.ts";
import { RedisInspector } from "../redis/inspect/inspector.ts";
import { Keys } from "../redis/keys.ts";
import { describe, Namespace } from "../redis/namespace.ts";
import { RedisSliceStore } from "../redis/slices/slice-store.ts";
import { RedisAppender, type StoreContext } from "../redis/store/appender.ts";
import { RedisDeadLetterStore } from "../redis/store/dead-letter-store.ts";
import { RedisExactAppender } from "../redis/store/exact-appender.ts";
import { RedisMaintenanceTurns } from "../redis/store/maintenance-turns.ts";
import { ScriptKeeper } from "../redis/store/script-loader.ts";
import { RedisTrimmer } from "../redis/store/trimmer.ts";
import { grantAccess } from "../replay/log-access.ts";
import { ChannelWatch } from "../retention/channel-watch.ts";
import { Maintenance } from "../retention/maintenance.ts";
import { RetentionRound, trimmedChannels } from "../retention/retention-round.ts";
import { bullTelemetry } from "../schedule/bull-telemetry.ts";
import { BullRetryTimers } from "../schedule/retry-timers.ts";
import { createTracing } from "../tracing/tracer.ts";
import { type BackboneOptions, type ResolvedBackboneOptions, resolveBackboneOptions } from "./backbone-options.ts";
import { refuseOtherChannels } from "./component-name.ts";
import { silenceMs as leastSilenceMs } from "./connection.ts";
import { type ExclusiveOptions, takeoverAfterMsOf } from "./exclusive-options.ts";
import { HandlerScope } from "./handler-scope.ts";
import { memberOf } from "./member-name.ts";
import { SupervisedComponent } from "./supervised-component.ts";

/**
 * A read-only look at a component's state. State belongs to a partition: a key may have a value in several, where events of several partitions
 * write it (as with outputs that have `placement: "source"`).
 */
export interface StateReader<V> {
  /** The value in the key's own partition, else in the first other one that has any. */
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
   * Takes part in the namespace's maintenance until `close`: trims the channels that this process has used, as its own
   * code says, once a period among all processes that trim the same. Components whose channels have a retention begin
   * by themselves.
   */
  maintain(): void;
  /** The health of this process's components, closed ones left out. Redis is not asked. */
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

/**
 * Most subscriptions of one component. Each read names all of them: with this many, half of the events took 20 to 80 ms
 * from append to handler, by the load of the machine.
 */
const maxSubscriptions = 10_000;

/** Acknowledgements wait so long for others, ms: with handlers of 0 to 10 ms on 16 lanes one script settles seven events instead of two. */
const acknowledgeWithinMs = 5;

/** By then a member that has joined owns what nobody owned, ms. */
const primaryKnownAfterMs = 1_000;

/**
 * Connects and opens the namespace. Waits for as long as Redis is away, or for `connectTimeoutMs`; the log says at once what is wrong.
 * @throws {ConfigError} on options, a server or a namespace that cannot be worked with; nothing was written then
 * @throws {StoreError} when `connectTimeoutMs` is over; its cause is the system's error, such as ECONNREFUSED
 */
export async function connectBackbone(options: BackboneOptions): Promise<Backbone> {
  const resolved = resolveBackboneOptions(options);
  const { durability, connectTimeoutMs } = resolved;
  const keys = new Keys(resolved.namespace);
  let clock: ServerClock | undefined;
  const { log, redisSpans, url } = resolved;
  const serverNow = (): number => clock?.now() ?? Date.now();
  const tracing = createTracing({ log, redisSpans, serverNow, allow: resolved.baggage.allow, ...serverOf(url) });
  const open = openerOf(resolved, tracing);
  const connection = open("publish");
  const limit = connectTimeoutMs === undefined ? undefined : AbortSignal.timeout(connectTimeoutMs);
  const signals = [resolved.signal, limit].filter((one) => one !== undefined);
  const signal = signals.length === 0 ? undefined : AbortSignal.any(signals);
  // A question that the server has not answered is not waited for, either.
  const cut = (): void => connection.close();
  limit?.addEventListener("abort", cut, { once: true });
  try {
    const namespace = await Namespace.open(connection, keys, resolved.partitions, signal);
    if (durability !== undefined) await refuseWithoutDurability(connection, durability, signal);
    const eviction = await EvictionWatch.begin(connection, { log, isAccepted: resolved.eviction === "accept", signal });
    clock = new ServerClock(connection);
    await clock.measure().catch(() => undefined); // until it succeeds, the host's clock is used
    return new ConnectedBackbone({ ...resolved, partitions: namespace.partitions }, keys, {
      namespace,
      tracing,
      open,
      connection,
      clock,
      eviction,
    });
  } catch (error) {
    connection.close();
    if (limit?.aborted !== true || resolved.signal?.aborted === true || error instanceof ConfigError) throw error;
    const { awayBecause } = connection;
    const reason = awayBecause === undefined ? "no answer" : reasonOf(awayBecause);
    const text = `no Redis at ${placeOf(url)} within ${connectTimeoutMs} ms: ${reason}`;
    throw new StoreError(text, { cause: awayBecause ?? error });
  } finally {
    limit?.removeEventListener("abort", cut);
  }
}

/** The server's place in a URL, without the login. */
function placeOf(url: string): string {
  const { host, port, path } = parseRedisUrl(url);
  return path ?? `${host}:${port}`;
}

/**
 * Opens connections for the backbone. The wait for a durability counts as silence, so that it makes the limit longer.
 */
function openerOf(
  { url, tls, log, durability }: ResolvedBackboneOptions,
  tracing: Tracing,
): (purpose: string) => Connection {
  const silenceMs = leastSilenceMs + (durability?.timeoutMs ?? 0);
  return (purpose) => new Connection({ url, tls, log, silenceMs, purpose, quietly: (run) => tracing.quietly(run) });
}

/** The options of a backbone whose namespace is known. */
type ConnectedOptions = Omit<ResolvedBackboneOptions, "partitions"> & { readonly partitions: number };

/** The parts of a backbone, once Redis has answered. */
interface Parts {
  readonly namespace: Namespace;
  readonly tracing: Tracing;
  readonly open: (purpose: string) => Connection;
  readonly connection: Connection;
  readonly clock: ServerClock;
  readonly eviction: EvictionWatch | undefined;
}

class ConnectedBackbone implements Backbone {
  readonly namespace: string;
  readonly read: ReadChannel;
  readonly #options: ConnectedOptions;
  readonly #keys: Keys;
  readonly #connection: Connection;
  readonly #clock: ServerClock;
  readonly #eviction: EvictionWatch | undefined;
  readonly #tracing: Tracing;
  readonly #producer: Producer;
  readonly #inspector: RedisInspector;
  readonly #deadLetterStore: RedisDeadLetterStore;
  readonly #components = new Set<SupervisedComponent>();
  readonly #duties = new Set<ExclusiveDuty>();
  readonly #handlers: HandlerScope;
  /** Channels that the namespace's description names by now. */
  readonly #described = new Set<Channel<unknown>>();
  /** The names of components of this process that have joined. */
  readonly #running = new Set<string>();
  /** Set while a component of this process takes part: ends the report of what Redis tells of components. */
  #stopGauges: (() => void) | undefined;
  /** The retention of each channel that this process has used, by name, as its own code says. */
  readonly #retention = new Map<string, Retention>();
  readonly #open: (purpose: string) => Connection;
  readonly #storeContext: StoreContext;
  /** Set while this process takes part in maintenance. */
  #maintenance:
    | { readonly rounds: Maintenance; readonly turns: RedisMaintenanceTurns; readonly trimmer: RedisTrimmer }
    | undefined;
  /** Set once a component of this process has joined. */
  #watch: ChannelWatch | undefined;
  /** Set once a component of this process has joined. */
  #scriptKeeper: ScriptKeeper | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ConnectedOptions, keys: Keys, parts: Parts) {
    const { tracing, open, connection, clock } = parts;
    const { namespace, url, tls, log, partitions } = options;
    this.namespace = namespace;
    this.#options = options;
    this.#keys = keys;
    this.#connection = connection;
    this.#clock = clock;
    this.#eviction = parts.eviction;
    this.#tracing = tracing;
    this.#open = open;
    this.#handlers = new HandlerScope(options.publishInHandlers, log);
    this.#storeContext = {
      namespace: parts.namespace,
      confirmation: options.durability === undefined ? undefined : { durability: options.durability, log },
      onEvicted: (evicted) => this.#tellEvicted(evicted),
    };
    const appender = new RedisAppender(connection, keys, this.#storeContext);
    this.#producer = new Producer(appender, this.#tracing, partitions, options, (channel) =>
      this.#describeChannel(channel),
    );
    this.#inspector = new RedisInspector({
      url,
      tls,
      namespace,
      partitions,
      log,
      quietly: (run) => tracing.quietly(run),
    });
    this.read = channelReader(this.#inspector);
    this.#deadLetterStore = new RedisDeadLetterStore(connection, keys);
    grantAccess(this, {
      inspector: this.#inspector,
      openExactAppender: (channels) =>
        new RedisExactAppender({
          connection: open("import"),
          keys,
          partitions,
          channels,
          context: this.#storeContext,
          timeoutMs: options.publishTimeoutMs,
        }),
    });
  }

  publish<P>(channel: Channel<P>, payload: P, options?: PublishOptions): Promise<Published> {
    try {
      this.#handlers.check(channel.name);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#producer.publish(channel, payload, options);
  }

  async publishAll(items: readonly PublishItem[]): Promise<readonly Published[]> {
    for (const { channel } of items) this.#handlers.check(channel.name);
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
    if (this.#closing !== undefined)
      throw new ConfigError(`the backbone is closed: component "${name}" cannot be made`);
    const resolved = resolveComponentOptions(name, options);
    if (subscriptions.length === 0) throw new ConfigError(`component "${name}" subscribes to nothing`);
    const channels = subscriptions.map(({ channel }) => channel.name);
    if (channels.length > maxSubscriptions) {
      throw new ConfigError(
        `component "${name}" subscribes to ${channels.length} channels: more than ${maxSubscriptions} are read too slowly, as each read names ` +
          "all of them. Put what differs in kind only into one channel, or make several components",
      );
    }
    const isUnique = new Set(channels).size === channels.length;
    const twice = isUnique ? undefined : channels.find((channel, i) => channels.indexOf(channel) !== i);
    if (twice !== undefined) {
      throw new ConfigError(`component "${name}" subscribes to "${twice}" twice: each of its entries has one handler`);
    }
    const { url, tls, log, partitions, redisSpans, durability } = this.#options;
    if (durability !== undefined && durability.timeoutMs * 2 > resolved.takeoverAfterMs) {
      throw new ConfigError(
        `component "${name}": takeoverAfterMs ${resolved.takeoverAfterMs} is below twice the durability's timeoutMs ${durability.timeoutMs}: ` +
          "owners that wait for their settlements to be durable would be taken for dead",
      );
    }
    for (const { name: running, channels: others } of this.#components) {
      if (running === name) refuseOtherChannels(name, channels, others);
    }
    let gauges: (() => void) | undefined;
    const store = this.#sliceStore(name, resolved.settlementLog);
    const running = new RunningComponent({
      name,
      ...memberOf(name),
      acknowledgeWithinMs,
      subscriptions: this.#handlers.around(name, subscriptions),
      options: resolved,
      partitions,
      store,
      timers: new BullRetryTimers({
        component: name,
        connection: { ...redisClientOptions(url, tls), maxRetriesPerRequest: null },
        prefix: this.#keys.bull(),
        log,
        telemetry: bullTelemetry({ redisSpans }),
      }),
      tracing: this.#tracing,
      clock: hostClock,
      chance: hostChance,
      log,
      onChannel: (channel) => this.#describeChannel(channel),
      describe: () => {
        this.#described.clear();
        this.#describe(`component:${name}`, channels.join(","));
        for (const { channel } of subscriptions) this.#describeChannel(channel);
      },
      joined: (oldest) => {
        this.#beginWatches();
        const owned = (): readonly OwnedGauge[] => ownedBy(component, partitions);
        const stops = [this.#tracing.observeHandlers(oldest), this.#tracing.observeOwned(owned)];
        if (partitions === 1) stops.push(this.#tellPrimary(component));
        gauges = () => {
          for (const stop of stops) stop();
        };
        this.#stopGauges ??= this.#tracing.observe(async () => gaugesOf(await this.status(), this.#running));
        this.#running.add(name);
      },
      closed: () => {
        store[Symbol.dispose]();
        gauges?.();
        this.#components.delete(component);
        if ([...this.#components].some(({ name: other }) => other === name)) return;
        this.#running.delete(name);
        if (this.#running.size > 0) return;
        this.#stopGauges?.();
        this.#stopGauges = undefined;
      },
    });
    const component = new SupervisedComponent(running, {
      channels,
      isConnected: () => this.#connection.isReady,
      admit: (signal) => this.#admit(name, channels, signal),
      isServed: async () =>
        !this.#connection.isReady || (await runningChannels(this.#connection, this.#keys, name)) !== undefined,
    });
    this.#components.add(component);
    return component;
  }

  exclusive(name: string, duty: Duty, options: ExclusiveOptions = {}): ExclusiveDuty {
    if (this.#closing !== undefined) throw new ConfigError(`the backbone is closed: duty "${name}" cannot be begun`);
    const takeoverAfterMs = takeoverAfterMsOf(name, options);
    const store = this.#sliceStore(name, false);
    const closed = (): void => store[Symbol.dispose]();
    const parts = {
      name,
      ...memberOf("duty"),
      takeoverAfterMs,
      store,
      clock: hostClock,
      chance: hostChance,
      log: this.#options.log,
      closed,
    };
    const running = this.#tracing.atRoot(() => new ExclusiveDuty(parts, duty));
    this.#duties.add(running);
    return running;
  }

  #sliceStore(component: string, keepsLog: boolean): RedisSliceStore {
    const { partitions, log } = this.#options;
    const [keys, context, openConnection] = [this.#keys, this.#storeContext, this.#open];
    return new RedisSliceStore({ component, keys, partitions, log, context, openConnection, keepsLog });
  }

  /** Says what one partition means, once, when it is known which part the member has. The returned function stops that. */
  #tellPrimary(component: SupervisedComponent): () => void {
    const { log } = this.#options;
    const settled = setTimeout(() => {
      const fields = { component: component.name, member: component.member };
      const remedy = "the namespace has one partition; in one with more, members share the work";
      if (component.owned.length > 0) log.info(fields, `primary: other members of the component stand by. ${remedy}`);
      else log.info(fields, `stands by: another member owns the component's one partition. ${remedy}`);
    }, primaryKnownAfterMs);
    settled.unref();
    return () => clearTimeout(settled);
  }

  /** Once a component of this process takes part. */
  #beginWatches(): void {
    const { log, partitions, maintenanceEveryMs: everyMs } = this.#options;
    const own = { partitions, retention: this.#retention };
    this.#tracing.atRoot(() =>
      this.#tracing.quietly(() => {
        this.#watch ??= new ChannelWatch({ own, inspector: this.#inspector, log, everyMs });
        this.#scriptKeeper ??= new ScriptKeeper(this.#connection);
      }),
    );
  }

  async #admit(name: string, channels: readonly string[], signal: AbortSignal): Promise<void> {
    const running = await runningChannels(this.#connection, this.#keys, name, signal);
    if (running !== undefined) refuseOtherChannels(name, channels, running);
  }

  maintain(): void {
    if (this.#maintenance !== undefined || this.#closing !== undefined) return;
    const { log, maintenanceEveryMs: everyMs } = this.#options;
    const connection = this.#open("maintain");
    const trimmer = new RedisTrimmer(connection, this.#keys);
    const own = { partitions: this.#options.partitions, retention: this.#retention };
    const turns = new RedisMaintenanceTurns(connection, this.#keys, () => JSON.stringify(trimmedChannels(own)));
    const round = new RetentionRound({ own, inspector: this.#inspector, trimmer, tracing: this.#tracing, log });
    const begin = (): Maintenance => new Maintenance({ turns, everyMs, log, run: () => round.run() });
    const rounds = this.#tracing.atRoot(() => this.#tracing.quietly(begin));
    this.#maintenance = { rounds, turns, trimmer };
  }

  health(): readonly ComponentHealth[] {
    return [...this.#components].map(({ health }) => health);
  }

  view<V>(component: string, store: string): StateReader<V> {
    const { partitions } = this.#options;
    return {
      get: async (key) => {
        requireWellFormed("the state key", key);
        for (const partition of partitionsFrom(partitionOf(key, partitions), partitions)) {
          const json = await this.#inspector.state(partition, component, store, key);
          if (json !== undefined) return JSON.parse(json) as V;
        }
        return undefined;
      },
      list: () => this.#stateOf<V>(component, store),
    };
  }

  async *#stateOf<V>(component: string, store: string): AsyncGenerator<readonly [string, V, number], void, undefined> {
    for (let partition = 0; partition < this.#options.partitions; partition++) {
      for await (const [key, json] of this.#inspector.states(partition, component, store))
        yield [key, JSON.parse(json) as V, partition];
    }
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
    await Promise.all([...this.#components, ...this.#duties].map((one) => one[Symbol.asyncDispose]()));
    await this.#maintenance?.rounds.close();
    this.#maintenance?.turns.close();
    this.#maintenance?.trimmer.close();
    this.#watch?.[Symbol.dispose]();
    this.#scriptKeeper?.[Symbol.dispose]();
    this.#clock[Symbol.dispose]();
    this.#eviction?.[Symbol.dispose]();
    this.#deadLetterStore.close();
    await this.#producer.close();
    await this.#inspector[Symbol.asyncDispose]();
  }

  #describeChannel(channel: Channel<unknown>): void {
    if (this.#described.has(channel)) return;
    this.#described.add(channel);
    this.#retention.set(channel.name, channel.retention);
    this.#describe(`channel:${channel.name}`, describeRetention(channel.retention));
    if (letsGo(channel.retention) && this.#components.size > 0) this.maintain();
  }

  #tellEvicted({ channel, partition, removed, unfinished }: Evicted): void {
    this.#tracing.trimmed(channel, removed);
    if (unfinished === 0) return;
    const text = "the channel is full: it has evicted entries that some component had not finished";
    this.#options.log.error({ channel, partition, removed, unfinished }, text);
  }

  // The description is for people: a publish or a delivery does not wait for it.
  #describe(name: string, text: string): void {
    this.#tracing
      .atRoot(() =>
        this.#tracing.quietly(() => describe(this.#connection, this.#keys, this.#options.partitions, name, text)),
      )
      .catch((error: unknown) =>
        this.#options.log.debug({ name, reason: String(error) }, "the namespace could not be described"),
      );
  }
}

function ownedBy({ name, owned }: SupervisedComponent, partitions: number): readonly OwnedGauge[] {
  return Array.from({ length: partitions }, (_, partition) => ({
    component: name,
    partition,
    isOwned: owned.includes(partition),
  }));
}

/** All partitions, this one first. */
function* partitionsFrom(first: number, count: number): Generator<number> {
  yield first;
  for (let partition = 0; partition < count; partition++) if (partition !== first) yield partition;
}

/** The server's host and port for the spans. A socket's path is its address. */
function serverOf(url: string): { server?: { address: string; port?: number } } {
  const { host, port, path } = parseRedisUrl(url);
  if (path !== undefined) return { server: { address: path } };
  return { server: { address: host ?? "127.0.0.1", ...(port === undefined ? {} : { port }) } };
}
