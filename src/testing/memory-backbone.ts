/** `memoryBackbone`: a backbone without a server, for tests of handlers, retries and time-outs, with a clock that the test moves. */

import { PublishingRule } from "../composition/publishing-rule.ts";
import type { Component } from "../consume/component.ts";
import { type ComponentOptions, resolveComponentOptions } from "../consume/options.ts";
import { RunningComponent } from "../consume/running-component.ts";
import type { Subscription } from "../consume/subscription.ts";
import { MemoryAppender } from "../memory/appender.ts";
import { keyOf } from "../memory/keyspace.ts";
import { LocalLink } from "../memory/local-link.ts";
import { MemoryServer } from "../memory/server.ts";
import { MemoryStore } from "../memory/store.ts";
import { MemoryTimers } from "../memory/timers.ts";
import type { Channel } from "../model/channel.ts";
import { decodeEntry, type Envelope } from "../model/envelope.ts";
import { ConfigError } from "../model/errors.ts";
import type { Published } from "../model/event.ts";
import { bounded } from "../model/option-bounds.ts";
import { type Duty, ExclusiveDuty } from "../ownership/exclusive.ts";
import type { Log } from "../ports/log.ts";
import type { Tracing } from "../ports/tracing.ts";
import { Producer, type PublishItem, type PublishOptions } from "../publish/producer.ts";
import { resolveSourceOptions, type SourceOptions } from "../sources/options.ts";
import { RunningSource } from "../sources/running-source.ts";
import type { Source, SourceRun } from "../sources/source.ts";
import { createTracing } from "../tracing/tracer.ts";
import { TestClock } from "./test-clock.ts";

/** A clock that stands still until its test moves it. */
export interface MemoryClock {
  /** Epoch ms. */
  now(): number;
  /**
   * Lets so many ms pass: each timer up to then fires at its time, and what it sets going runs until it waits for a later time, or for
   * something outside of the backbone, before the next one fires.
   */
  advance(ms: number): Promise<void>;
}

export interface MemoryBackboneOptions {
  /** Slices of the namespace. Default 1. */
  readonly partitions?: number;
  /** Epoch ms at which the clock begins. Default 2026-01-01T00:00:00Z. */
  readonly startAt?: number;
  /** Default: nothing is logged. */
  readonly log?: Log;
}

/**
 * Publishes, handles, settles, retries and dead-letters as a backbone on a server does, with everything in this process. It is not a Redis:
 * nothing is stored, no other process takes part, and what a server refuses or loses is tried elsewhere.
 */
export interface MemoryBackbone extends AsyncDisposable {
  /** Stands still until `advance` moves it: then retries come due, batches close, and silent owners are taken over. */
  readonly clock: MemoryClock;
  /** @throws {PayloadError} @throws {ChannelError} @throws {PublishError} when the channel is full */
  publish<P>(channel: Channel<P>, payload: P, options?: PublishOptions): Promise<Published>;
  /** Appends all or none. @throws as `publish` */
  publishAll(items: readonly PublishItem[]): Promise<readonly Published[]>;
  /** A component's handlers, to be run. Several of one name are members of it. @throws {ConfigError} */
  component(name: string, subscriptions: readonly Subscription[], options?: ComponentOptions): Component;
  /** Runs a duty in one of those that are given under this name, from now until it is disposed of. */
  exclusive(name: string, duty: Duty): ExclusiveDuty;
  /** Runs a source's runs in one of those that are given under this name, from now until it is disposed of. @throws {ConfigError} */
  source<P>(name: string, channel: Channel<P>, run: SourceRun<P>, options?: SourceOptions): Source;
  /** A component's state as it was last settled. */
  view<V>(component: string, store: string): { get(key: string): Promise<V | undefined> };
  /** A channel's events so far, partition by partition, each in its order. */
  events(channel: string | Channel<unknown>): readonly Envelope[];
  /** A component's dead letters of a channel, likewise: the events as they were published. */
  deadEvents(channel: string | Channel<unknown>, component: string): readonly Envelope[];
  /** Drains the components that run. */
  close(): Promise<void>;
}

/** How long an owner may be silent, ms, unless a component says otherwise. */
const takeoverAfterMs = 5_000;

/** @throws {ConfigError} on options that cannot work */
export function memoryBackbone(options: MemoryBackboneOptions = {}): MemoryBackbone {
  const { partitions = 1, startAt = Date.UTC(2026, 0, 1), log = silentLog, ...unknown } = options;
  for (const name of Object.keys(unknown)) throw new ConfigError(`memoryBackbone has no option "${name}"`);
  bounded("partitions", partitions, 1, 1_024);
  bounded("startAt", startAt, 0, Number.MAX_SAFE_INTEGER);
  return new InMemory(partitions, new TestClock(startAt), log);
}

class InMemory implements MemoryBackbone {
  readonly clock: TestClock;
  readonly #partitions: number;
  readonly #log: Log;
  readonly #tracing: Tracing;
  readonly #server: MemoryServer;
  readonly #store: MemoryStore;
  readonly #producer: Producer;
  readonly #timers = new Map<string, MemoryTimers>();
  readonly #open = new Set<AsyncDisposable>();
  readonly #publishing: PublishingRule;
  #tokens = 0;

  constructor(partitions: number, clock: TestClock, log: Log) {
    this.clock = clock;
    this.#partitions = partitions;
    this.#log = log;
    this.#tracing = createTracing({ log, serverNow: () => clock.now() });
    this.#publishing = new PublishingRule("warn", this.#tracing, log);
    this.#server = new MemoryServer(
      () => clock.now(),
      (ms, run) => clock.after(ms, run),
    );
    this.#store = new MemoryStore(this.#server, partitions, () => new LocalLink());
    const appender = new MemoryAppender(this.#server, new LocalLink(), (evicted) =>
      log.error(evicted, "the channel is full: it has evicted its oldest entries"),
    );
    const partitioning = { count: partitions, known: async () => undefined };
    const limits = { maxPending: 100_000, maxPendingBytes: 67_108_864, publishTimeoutMs: 30_000 };
    this.#producer = new Producer(appender, this.#tracing, partitioning, limits, () => undefined);
  }

  publish<P>(channel: Channel<P>, payload: P, options: PublishOptions = {}): Promise<Published> {
    this.#publishing.check(channel.name);
    return this.#producer.publish(channel, payload, { time: this.clock.now(), ...options });
  }

  publishAll(items: readonly PublishItem[]): Promise<readonly Published[]> {
    const time = this.clock.now();
    for (const { channel } of items) this.#publishing.check(channel.name);
    return this.#producer.publishAll(items.map((item) => ({ ...item, options: { time, ...item.options } })));
  }

  component(name: string, subscriptions: readonly Subscription[], options: ComponentOptions = {}): Component {
    if (subscriptions.length === 0) throw new ConfigError(`component "${name}" subscribes to nothing`);
    const timers = this.#timers.get(name) ?? new MemoryTimers((ms, run) => this.clock.after(ms, run));
    this.#timers.set(name, timers);
    const component: RunningComponent = new RunningComponent({
      ...this.#memberParts,
      name,
      subscriptions,
      options: resolveComponentOptions(name, options),
      partitions: () => this.#partitions,
      timers: timers.member(),
      tracing: this.#tracing,
      onChannel: () => undefined,
      describe: () => undefined,
      joined: () => undefined,
      closed: () => this.#open.delete(component),
    });
    this.#open.add(component);
    return component;
  }

  exclusive(name: string, duty: Duty): ExclusiveDuty {
    const exclusive = new ExclusiveDuty({ ...this.#memberParts, name, takeoverAfterMs }, duty);
    this.#open.add(exclusive);
    return exclusive;
  }

  source<P>(name: string, channel: Channel<P>, run: SourceRun<P>, options: SourceOptions = {}): Source {
    const source: RunningSource<P> = new RunningSource({
      ...this.#memberParts,
      name,
      channel,
      run,
      options: resolveSourceOptions(name, options),
      partitions: this.#partitions,
      tracing: this.#tracing,
      onChannel: () => undefined,
      describe: () => undefined,
      closed: () => this.#open.delete(source),
    });
    this.#open.add(source);
    return source;
  }

  view<V>(component: string, store: string): { get(key: string): Promise<V | undefined> } {
    return {
      get: async (key) => {
        for (let partition = 0; partition < this.#partitions; partition++) {
          const json = this.#server.keys.hash<string>(keyOf.state(partition, component, store))?.get(key);
          if (json !== undefined) return JSON.parse(json) as V;
        }
        return undefined;
      },
    };
  }

  events(channel: string | Channel<unknown>): readonly Envelope[] {
    return this.#eventsIn(channel, keyOf.stream);
  }

  deadEvents(channel: string | Channel<unknown>, component: string): readonly Envelope[] {
    return this.#eventsIn(channel, (partition, name) => keyOf.dead(partition, name, component));
  }

  async close(): Promise<void> {
    for (const open of [...this.#open]) {
      const closed = Promise.resolve(open[Symbol.asyncDispose]());
      // What waits for time, such as a handler that does not return, gets it.
      let isClosed = false;
      const done = closed.finally(() => {
        isClosed = true;
      });
      while (!isClosed) await this.clock.advance(50);
      await done;
    }
    await this.#producer.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #memberParts() {
    const member = `member-${++this.#tokens}`;
    const chance = { number: (): number => 0.5, token: (): string => `t${++this.#tokens}` };
    return { member, about: "", store: this.#store, clock: this.clock, chance, log: this.#log };
  }

  #eventsIn(channel: string | Channel<unknown>, key: (partition: number, channel: string) => string): Envelope[] {
    const name = typeof channel === "string" ? channel : channel.name;
    return Array.from({ length: this.#partitions }, (_, partition) =>
      (this.#server.keys.stream(key(partition, name))?.entries ?? []).map(({ id, fields }) =>
        decodeEntry({ channel: name, entryId: id, fields }),
      ),
    ).flat();
  }
}

const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
