/** A component's lifecycle in this process: one member that owns its share of the partitions. */

import type { Channel } from "../model/channel.ts";
import { ConfigError, DrainTimeoutError, StoreError, type ThroughlineError } from "../model/errors.ts";
import type { EventRef } from "../model/event.ts";
import { Members } from "../ownership/members.ts";
import { beatMsOf, Ownership } from "../ownership/ownership.ts";
import { atMost, Change } from "../ownership/pause.ts";
import type { Chance, Clock } from "../ports/clock.ts";
import type { DeliveryId } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";
import type { Finished, SliceStore } from "../ports/slice-store.ts";
import type { RetryTimers } from "../ports/timers.ts";
import type { HandlerGauge, Tracing } from "../ports/tracing.ts";
import type { Component, ComponentHealth } from "./component.ts";
import { Lanes } from "./lanes.ts";
import type { ResolvedComponentOptions } from "./options.ts";
import { OwnedPartition } from "./owned-partition.ts";
import { RunningHandlers } from "./running-handlers.ts";
import type { Subscription } from "./subscription.ts";

export interface RunningComponentParts {
  readonly name: string;
  /** Unlike every other member's, also of this host and process. Without a `/`. */
  readonly member: string;
  /** For people: host, pid, start, version. */
  readonly about: string;
  readonly subscriptions: readonly Subscription[];
  readonly options: ResolvedComponentOptions;
  /** The number of partitions. Asked once, when it is run. */
  readonly partitions: () => number;
  readonly store: SliceStore;
  readonly timers: RetryTimers;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly chance: Chance;
  /** As the settler has it. */
  readonly acknowledgeWithinMs?: number | undefined;
  readonly log: Log;
  /** Called with the channel of each output. */
  readonly onChannel: (channel: Channel<unknown>) => void;
  /** Says in the namespace what the component is; called again with each partition that is acquired, as all may have been gone. */
  readonly describe: () => void;
  /** Called when it takes part, with what tells how long its handlers have run. */
  readonly joined: (oldest: () => readonly HandlerGauge[]) => void;
  /** Called once, when the component is closed. */
  readonly closed: () => void;
}

/** How long a server that does not answer is waited for, beside what the handlers get, ms. */
const leaveGraceMs = 500;

/**
 * idle      made, not run. `run` → joining; `drain` → closed.
 * joining   beats and looks for the first time. Both answered → running; refused → closed.
 * running   beats, owns, handles. `drain`, or the signal → draining.
 * draining  says that it leaves; hands over what it owns, waiting for what was started at most `drainTimeoutMs`. Then → closed.
 * closed    owns nothing.
 */
type Phase = "idle" | "joining" | "running" | "draining" | "closed";

/** Four beats without an answer, ms: whoever asks for readiness need not wait until handlers may not start any more. */
const unreadyAfterMs = 1_000;

export class RunningComponent implements Component {
  readonly name: string;
  readonly member: string;
  readonly #parts: RunningComponentParts;
  readonly #handlers: RunningHandlers;
  readonly #lanes: Lanes;
  /** Undefined before it is run. */
  #members: Members | undefined;
  /** One for each partition; none before it is run. */
  #ownerships: readonly Ownership[] = [];
  /** Told when the phase changes, a slice was looked at, or there is news of the members. */
  readonly #change = new Change();
  /** Aborts when the component is closed. */
  readonly #end = new AbortController();
  /** The present or last tenure of each partition. */
  readonly #tenures: (OwnedPartition | undefined)[] = [];
  #phase: Phase = "idle";
  #isPaused = false;
  /** Why it could not begin. */
  #failure: Error | undefined;
  #draining: Promise<void> | undefined;

  constructor(parts: RunningComponentParts) {
    const { name, member, clock, log } = parts;
    const { concurrency, slowHandlerMs } = parts.options;
    this.name = name;
    this.member = member;
    this.#parts = parts;
    this.#handlers = new RunningHandlers({ component: name, clock, log, slowMs: slowHandlerMs });
    this.#lanes = new Lanes(concurrency);
  }

  get owned(): readonly number[] {
    return this.#ownerships.flatMap(({ tenure }, partition) => (tenure === undefined ? [] : [partition]));
  }

  get health(): ComponentHealth {
    const component = this.name;
    const unready = (reason: string): ComponentHealth => ({ component, isLive: true, isReady: false, reason });
    if (this.#phase !== "running") return unready(this.#phase);
    if (this.#members?.isConfirmed !== true || this.#members.silentMs > unreadyAfterMs)
      return unready("Redis does not answer");
    if (this.#ownerships.some(({ isStill }) => isStill))
      return { ...unready("a loop stands still although Redis answers"), isLive: false };
    const refusal = this.#ownerships.find(({ refused }) => refused !== undefined)?.refused;
    if (refusal !== undefined) return unready(refusal.message);
    if (this.#isPaused) return { component, isLive: true, isReady: true, reason: "paused" };
    const standstill = this.#handlers.standstill(this.#unfinished, this.#parts.options.concurrency);
    return standstill === undefined ? { component, isLive: true, isReady: true } : unready(standstill);
  }

  async run(signal?: AbortSignal): Promise<void> {
    if (this.#phase !== "idle") throw new ConfigError(`component "${this.name}" can be run once; it is ${this.#phase}`);
    if (signal?.aborted === true) return this.drain();
    this.#phase = "joining";
    const stop = (): void => void this.drain().catch(() => undefined); // `run` itself throws what the drain throws
    signal?.addEventListener("abort", stop, { once: true });
    const { tracing, timers } = this.#parts;
    const members = this.#begin();
    try {
      await tracing.atRoot(async () => {
        const running = Promise.all([members.run(), ...this.#ownerships.map((ownership) => ownership.run())]);
        running.catch(() => undefined); // where joining throws first
        await this.#join(members);
        if (this.#phase === "running") await timers.listen((...told) => this.#wake(...told));
        await running;
      });
      await this.#draining;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  async ready(): Promise<void> {
    while (this.#phase === "idle" || this.#phase === "joining") await this.#change.next();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#phase === "closed") throw new StoreError(`component "${this.name}" was closed before it was ready`);
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

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever disposes wants it gone; a drain that ran out of time was logged, and thrown to whoever runs it.
    await this.drain().catch(() => undefined);
  }

  /** Begun and not settled. */
  get #unfinished(): number {
    return this.#ownerships.reduce((sum, { tenure }) => sum + (tenure?.unfinished ?? 0), 0);
  }

  #until(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#end.signal : AbortSignal.any([this.#end.signal, signal]);
  }

  /** Makes what takes part in each partition: only now is their number known for good. */
  #begin(): Members {
    const { name, options, clock, subscriptions, store } = this.#parts;
    const { takeoverAfterMs, from, maxInFlight } = options;
    const partitions = this.#parts.partitions();
    const parts = { ...this.#parts, component: name, partitions };
    const beatMs = beatMsOf(takeoverAfterMs);
    const beats = { takeoverAfterMs, beatMs, presence: store.presence(name) };
    const members = new Members({ ...parts, ...beats }, () => this.#onNews());
    const channels = subscriptions.map(({ channel }) => channel.name);
    const context = {
      ...parts,
      subscriptions: new Map(subscriptions.map((subscription) => [subscription.channel.name, subscription])),
      bounds: options,
      handlers: this.#handlers,
      lanes: this.#lanes,
      maxInFlight: Math.max(1, Math.floor(maxInFlight / partitions)),
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
          ...beats,
          begin: from === "now" ? "$" : "0",
          mayOwn: () => members.isConfirmed,
          shouldOwn: (without) => members.shouldOwn(partition, without),
          open: (hold, { starts, deaths }, dead) => {
            parts.describe();
            const tenure = new OwnedPartition({ ...context, partition }, hold, starts, deaths, dead);
            this.#tenures[partition] = tenure;
            return tenure;
          },
          looked: () => this.#change.tell(),
          tookOver: () => parts.tracing.tookOver(name, partition),
        }),
    );
    this.#members = members;
    return members;
  }

  /** Until it takes part, or was drained. @throws what the store refuses: later it is tried again, but a start that cannot work is told. */
  async #join(members: Members): Promise<void> {
    const { log, subscriptions, joined, describe } = this.#parts;
    const hasJoined = (): boolean => members.isConfirmed && this.#ownerships.every(({ isSeen }) => isSeen);
    while (this.#phase === "joining" && !hasJoined()) {
      const refused = members.refused ?? this.#ownerships.find((ownership) => ownership.refused !== undefined)?.refused;
      if (refused !== undefined) {
        this.#failure = startFailure(this.name, refused);
        await this.#close();
        throw this.#failure;
      }
      await this.#change.next();
    }
    if (this.#phase !== "joining") return;
    this.#phase = "running";
    this.#handlers.watch();
    const channels = subscriptions.map(({ channel }) => channel.name);
    joined(() => this.#handlers.oldestOf(channels));
    describe();
    log.info({ component: this.name, member: this.member }, "joined");
    this.#change.tell();
  }

  async #drain(): Promise<void> {
    const { options, log, clock } = this.#parts;
    const hadBegun = this.#phase === "joining" || this.#phase === "running";
    this.#phase = "draining";
    this.#change.tell();
    let pending = 0;
    if (hadBegun) {
      log.info({ component: this.name, owned: this.owned }, "draining");
      // Said before anything is released, so that those who take over see whose turn it is.
      const said = atMost(clock, leaveGraceMs, this.#members?.leave() ?? Promise.resolve());
      const left = this.#ownerships.map(async (ownership) => {
        pending += await ownership.leave(options.drainTimeoutMs, said);
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
    this.#members?.stop();
    this.#handlers.unwatch();
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

  async #wake(partition: number, delivery: DeliveryId, triedBy: string): Promise<void> {
    const tenure = this.#ownerships[partition]?.tenure;
    if (tenure instanceof OwnedPartition) await tenure.wake(delivery, triedBy);
  }
}

/** Somebody else's key where ours would stand is not to be mended by trying again. */
function startFailure(component: string, refused: ThroughlineError): ThroughlineError {
  const wrong = /WRONGTYPE (.*)/.exec(refused.message)?.[1];
  if (wrong === undefined) return refused;
  return new ConfigError(`component "${component}" cannot begin: ${wrong}`, { cause: refused });
}
