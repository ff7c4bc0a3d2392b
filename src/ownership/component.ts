/** A component's lifecycle in this process: one member that owns its share of the partitions. */

import type { Component, ComponentHealth } from "../consume/component.ts";
import { Lanes } from "../consume/lanes.ts";
import type { Subscription } from "../consume/subscription.ts";
import type { Channel } from "../model/channel.ts";
import { ConfigError, DrainTimeoutError, StoreError } from "../model/errors.ts";
import type { EventRef } from "../model/event.ts";
import type { Chance, Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Finished, SliceStore } from "../ports/slice-store.ts";
import type { RetryTimers } from "../ports/timers.ts";
import type { Tracing } from "../ports/tracing.ts";
import { Members } from "./members.ts";
import { beatMsOf, type ResolvedOwnerOptions } from "./options.ts";
import { type LaneTask, OwnedPartition } from "./owned-partition.ts";
import { Ownership } from "./ownership.ts";
import { atMost, Change } from "./pause.ts";

export interface OwnerComponentParts {
  readonly name: string;
  /** Unlike every other member's, also of this host and process. */
  readonly member: string;
  /** For people: host, pid, start, version. */
  readonly about: string;
  readonly subscriptions: readonly Subscription[];
  readonly options: ResolvedOwnerOptions;
  readonly partitions: number;
  readonly store: SliceStore;
  readonly timers: RetryTimers;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Called with the channel of each output. */
  readonly onChannel: (channel: Channel<unknown>) => void;
  /** Called once, when the component is closed. */
  readonly closed: () => void;
}

/** How long a server that does not answer is waited for, beside what the handlers get, ms. */
const leaveGraceMs = 500;

/**
 * idle      made, not run. `run` → running; `drain` → closed.
 * running   beats, owns, handles. `drain`, or the signal → draining.
 * draining  says that it leaves; hands over what it owns, waiting for what was started at most `drainTimeoutMs`. Then → closed.
 * closed    owns nothing.
 */
type Phase = "idle" | "running" | "draining" | "closed";

/** A component that can be paused. */
export interface PausableComponent extends Component {
  /**
   * Starts no handler in this process until `resume`: what comes waits in the log, and members elsewhere go on with their own share. Resolves
   * when the handlers that run have ended and are settled. A component that is paused may be run, and drained.
   */
  pause(): Promise<void>;
  /** Goes on. Without a pause it does nothing. */
  resume(): void;
}

export class OwnerComponent implements PausableComponent {
  readonly name: string;
  readonly member: string;
  readonly #parts: OwnerComponentParts;
  readonly #members: Members;
  readonly #ownerships: readonly Ownership[];
  /** Told when the phase changes, or there is news of the members. */
  readonly #change = new Change();
  /** Aborts when the component is closed. */
  readonly #end = new AbortController();
  /** The present or last tenure of each partition. */
  readonly #tenures: (OwnedPartition | undefined)[] = [];
  #phase: Phase = "idle";
  #isPaused = false;
  #draining: Promise<void> | undefined;

  constructor(parts: OwnerComponentParts) {
    const { name, member, options, partitions, clock, subscriptions, store } = parts;
    this.name = name;
    this.member = member;
    this.#parts = parts;
    const { takeoverAfterMs, concurrency, from } = options;
    const beatMs = beatMsOf(takeoverAfterMs);
    const members = new Members(
      { ...parts, component: name, takeoverAfterMs, beatMs, presence: store.presence(name) },
      () => this.#onNews(),
    );
    this.#members = members;
    const channels = subscriptions.map(({ channel }) => channel.name);
    const context = {
      ...parts,
      component: name,
      subscriptions: new Map(subscriptions.map((subscription) => [subscription.channel.name, subscription])),
      bounds: options,
      lanes: new Lanes<LaneTask>(concurrency, ({ run, deliveries, turns }) =>
        run(deliveries.filter(({ turn }, i) => turn === turns[i])),
      ),
      maxInFlight: Math.max(1, Math.floor(options.maxInFlight / partitions)),
      isPaused: () => this.#isPaused,
    };
    this.#ownerships = Array.from(
      { length: partitions },
      (_, partition) =>
        new Ownership({
          ...parts,
          slice: { component: name, partition },
          channels,
          clock,
          takeoverAfterMs,
          beatMs,
          begin: from === "now" ? "$" : "0",
          mayOwn: () => members.isConfirmed,
          shouldOwn: (without) => members.shouldOwn(partition, without),
          open: (hold, { starts, deaths }) => {
            const tenure = new OwnedPartition({ ...context, partition }, hold, starts, deaths);
            this.#tenures[partition] = tenure;
            return tenure;
          },
        }),
    );
  }

  /** The partitions that it owns now. */
  get owned(): readonly number[] {
    return this.#ownerships.flatMap(({ tenure }, partition) => (tenure === undefined ? [] : [partition]));
  }

  get health(): ComponentHealth {
    const component = this.name;
    if (this.#phase !== "running") return { component, isLive: true, isReady: false, reason: this.#phase };
    if (!this.#members.isConfirmed)
      return { component, isLive: true, isReady: false, reason: "the store does not answer" };
    return { component, isLive: true, isReady: true, ...(this.#isPaused ? { reason: "paused" } : {}) };
  }

  async run(signal?: AbortSignal): Promise<void> {
    if (this.#phase !== "idle") throw new ConfigError(`component "${this.name}" can be run once; it is ${this.#phase}`);
    if (signal?.aborted === true) return this.drain();
    this.#phase = "running";
    const stop = (): void => void this.drain().catch(() => undefined); // `run` itself throws what the drain throws
    signal?.addEventListener("abort", stop, { once: true });
    const { tracing, timers } = this.#parts;
    try {
      await tracing.atRoot(async () => {
        const listening = timers.listen((partition) => this.#wake(partition));
        await Promise.all([listening, this.#members.run(), ...this.#ownerships.map((ownership) => ownership.run())]);
      });
      await this.#draining;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  async ready(): Promise<void> {
    while (!this.health.isReady) {
      if (this.#phase === "closed") throw new StoreError(`component "${this.name}" was closed before it was ready`);
      await this.#change.next();
    }
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
    await Promise.all(this.#tenures.map((tenure) => tenure?.paused()));
  }

  resume(): void {
    this.#isPaused = false;
    for (const tenure of this.#tenures) tenure?.unpaused();
  }

  drain(): Promise<void> {
    this.#draining ??= this.#parts.tracing.atRoot(() => this.#drain());
    return this.#draining;
  }

  whenSettled(ref: EventRef, signal?: AbortSignal): Promise<Finished> {
    if (ref.entryId === "")
      throw new StoreError(`event ${ref.id} has no entry yet: it is an output that is not settled`);
    return this.#parts.store.whenFinished(this.name, ref, this.#until(signal));
  }

  whenIdle(signal?: AbortSignal): Promise<void> {
    const channels = this.#parts.subscriptions.map(({ channel }) => channel.name);
    return this.#parts.store.whenIdle(this.name, channels, this.#until(signal));
  }

  #until(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#end.signal : AbortSignal.any([this.#end.signal, signal]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever disposes wants it gone; a drain that ran out of time was logged, and thrown to whoever runs it.
    await this.drain().catch(() => undefined);
  }

  async #drain(): Promise<void> {
    const { options, log, clock } = this.#parts;
    const wasRunning = this.#phase === "running";
    this.#phase = "draining";
    let pending = 0;
    if (wasRunning) {
      log.info({ component: this.name, owned: this.owned }, "draining");
      // Said first, so that those who take over see whose turn it is.
      await atMost(clock, leaveGraceMs, this.#members.leave());
      const left = this.#ownerships.map(async (ownership) => {
        pending += await ownership.leave(options.drainTimeoutMs);
      });
      await atMost(clock, options.drainTimeoutMs + leaveGraceMs, Promise.all(left));
    }
    await this.#close();
    if (pending > 0) {
      const error = new DrainTimeoutError(this.name, pending, options.drainTimeoutMs);
      log.error({ component: this.name, pending }, error.message);
      throw error;
    }
    log.info({ component: this.name }, "drained");
  }

  async #close(): Promise<void> {
    this.#phase = "closed";
    this.#members.stop();
    for (const ownership of this.#ownerships) ownership.close();
    this.#end.abort(new StoreError(`component "${this.name}" is closed`));
    this.#change.tell();
    await this.#parts.timers.close();
    this.#parts.closed();
  }

  #onNews(): void {
    this.#change.tell();
    for (const ownership of this.#ownerships) ownership.nudge();
  }

  async #wake(partition: number): Promise<void> {
    const tenure = this.#ownerships[partition]?.tenure;
    if (tenure instanceof OwnedPartition) await tenure.wake();
  }
}
