/** The components and duties that run in this process, and what watches over them while any does. */

import type { Component, ComponentHealth } from "../consume/component.ts";
import { type ComponentOptions, resolveComponentOptions } from "../consume/options.ts";
import { RunningComponent } from "../consume/running-component.ts";
import type { Subscription } from "../consume/subscription.ts";
import { gaugesOf } from "../inspect/status/group-gauges.ts";
import { readStatus } from "../inspect/status/status.ts";
import { ConfigError } from "../model/errors.ts";
import { type Duty, ExclusiveDuty } from "../ownership/exclusive.ts";
import { hostChance, hostClock } from "../ports/host-clock.ts";
import type { OwnedGauge } from "../ports/tracing.ts";
import { nodeClientOptions } from "../redis/client/client-options.ts";
import { runningChannels } from "../redis/component-directory.ts";
import type { RedisInspector } from "../redis/inspect/inspector.ts";
import type { StoreContext } from "../redis/store/appender.ts";
import { ScriptKeeper } from "../redis/store/script-loader.ts";
import { ChannelWatch } from "../retention/channel-watch.ts";
import { bullTelemetry } from "../schedule/bull-telemetry.ts";
import { BullRetryTimers } from "../schedule/retry-timers.ts";
import type { BackboneParts } from "./backbone-parts.ts";
import { refuseOtherChannels } from "./component-name.ts";
import { type ExclusiveOptions, takeoverAfterMsOf } from "./exclusive-options.ts";
import { memberOf } from "./member-name.ts";
import { openSliceStore, ownedBy, refuseShortTakeover } from "./slices.ts";
import { SupervisedComponent } from "./supervised-component.ts";
import type { UsedChannels } from "./used-channels.ts";

/**
 * Most subscriptions of one component. Each read names all of them: with this many, half of the events took 20 to 80 ms
 * from append to handler, by the load of the machine.
 */
const maxSubscriptions = 10_000;

/** Acknowledgements wait so long for others, ms: with handlers of 0 to 10 ms on 16 lanes one script settles seven events instead of two. */
const acknowledgeWithinMs = 5;

/** By then a member that has joined owns what nobody owned, ms. */
const primaryKnownAfterMs = 1_000;

export interface ComponentsContext {
  readonly parts: BackboneParts;
  readonly storeContext: StoreContext;
  readonly inspector: RedisInspector;
  readonly channels: UsedChannels;
}

export class Components {
  readonly #parts: BackboneParts;
  readonly #storeContext: StoreContext;
  readonly #inspector: RedisInspector;
  readonly #channels: UsedChannels;
  readonly #components = new Set<SupervisedComponent>();
  readonly #duties = new Set<ExclusiveDuty>();
  /** The names of components of this process that have joined. */
  readonly #running = new Set<string>();
  /** Set while a component of this process takes part: ends the report of what Redis tells of components. */
  #stopGauges: (() => void) | undefined;
  /** Set once a component of this process has joined. */
  #watch: ChannelWatch | undefined;
  /** Set once a component of this process has joined. */
  #scriptKeeper: ScriptKeeper | undefined;
  #isClosed = false;

  constructor({ parts, storeContext, inspector, channels }: ComponentsContext) {
    this.#parts = parts;
    this.#storeContext = storeContext;
    this.#inspector = inspector;
    this.#channels = channels;
  }

  get hasAny(): boolean {
    return this.#components.size > 0;
  }

  get health(): readonly ComponentHealth[] {
    return [...this.#components].map(({ health }) => health);
  }

  /** @throws {ConfigError} */
  make(name: string, subscriptions: readonly Subscription[], options: ComponentOptions): Component {
    if (this.#isClosed) throw new ConfigError(`the backbone is closed: component "${name}" cannot be made`);
    const resolved = resolveComponentOptions(name, options);
    const channels = channelsOf(name, subscriptions);
    const { options: own, keys, namespace, topology, tracing, connection } = this.#parts;
    const { log, redisSpans } = own;
    refuseShortTakeover(this.#parts, `component "${name}"`, resolved.takeoverAfterMs);
    for (const { name: running, channels: others } of this.#components) {
      if (running === name) refuseOtherChannels(name, channels, others);
    }
    let gauges: (() => void) | undefined;
    const store = openSliceStore(this.#parts, this.#storeContext, name, resolved.settlementLog);
    const running = new RunningComponent({
      name,
      ...memberOf(name),
      acknowledgeWithinMs,
      subscriptions,
      options: resolved,
      partitions: () => namespace.use(),
      store,
      timers: new BullRetryTimers({
        component: name,
        connection: { ...nodeClientOptions(topology, keys.bull()), maxRetriesPerRequest: null },
        prefix: keys.bull(),
        log,
        telemetry: bullTelemetry({ redisSpans }),
      }),
      tracing,
      clock: hostClock,
      chance: hostChance,
      log,
      onChannel: (channel) => this.#channels.addOutput(name, channel),
      describe: () =>
        this.#channels.describeComponent(
          name,
          subscriptions.map(({ channel }) => channel),
        ),
      joined: (oldest) => {
        this.#beginWatches();
        const owned = (): readonly OwnedGauge[] => ownedBy(name, component.owned, namespace.partitions);
        const stops = [tracing.observeHandlers(oldest), tracing.observeOwned(owned)];
        if (namespace.partitions === 1) stops.push(this.#tellPrimary(component));
        gauges = () => {
          for (const stop of stops) stop();
        };
        this.#stopGauges ??= tracing.observe(async () => gaugesOf(await readStatus(this.#inspector), this.#running));
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
      isConnected: () => connection.isReady,
      admit: (signal) => this.#admit(name, channels, signal),
      isServed: async () => !connection.isReady || (await runningChannels(connection, keys, name)) !== undefined,
    });
    this.#components.add(component);
    return component;
  }

  /** @throws {ConfigError} */
  begin(name: string, duty: Duty, options: ExclusiveOptions): ExclusiveDuty {
    if (this.#isClosed) throw new ConfigError(`the backbone is closed: duty "${name}" cannot be begun`);
    const takeoverAfterMs = takeoverAfterMsOf(name, options);
    const store = openSliceStore(this.#parts, this.#storeContext, name, false);
    const closed = (): void => store[Symbol.dispose]();
    const parts = {
      name,
      ...memberOf("duty"),
      takeoverAfterMs,
      store,
      clock: hostClock,
      chance: hostChance,
      log: this.#parts.options.log,
      closed,
    };
    const running = this.#parts.tracing.atRoot(() => new ExclusiveDuty(parts, duty));
    this.#duties.add(running);
    return running;
  }

  /** Drains what runs. Nothing can be made from now on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#components, ...this.#duties].map((one) => one[Symbol.asyncDispose]()));
    this.#watch?.[Symbol.dispose]();
    this.#scriptKeeper?.[Symbol.dispose]();
  }

  /** Says what one partition means, once, when it is known which part the member has. The returned function stops that. */
  #tellPrimary(component: SupervisedComponent): () => void {
    const { log } = this.#parts.options;
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
    const { options, namespace, tracing, connection } = this.#parts;
    const { log, maintenanceEveryMs: everyMs } = options;
    const own = { partitions: namespace.use(), retention: this.#channels.retention };
    tracing.atRoot(() =>
      tracing.quietly(() => {
        this.#watch ??= new ChannelWatch({ own, inspector: this.#inspector, log, everyMs });
        this.#scriptKeeper ??= new ScriptKeeper(connection);
      }),
    );
  }

  async #admit(name: string, channels: readonly string[], signal: AbortSignal): Promise<void> {
    const { connection, keys, namespace } = this.#parts;
    const running = await runningChannels(connection, keys, name, signal);
    if (running !== undefined) refuseOtherChannels(name, channels, running);
    // Where nothing had used the namespace when this process connected, others may have decided its partitions meanwhile.
    await namespace.lookOver(connection, signal);
  }
}

/** The names of the channels. @throws {ConfigError} */
function channelsOf(name: string, subscriptions: readonly Subscription[]): readonly string[] {
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
  return channels;
}
