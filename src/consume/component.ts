/** A component's lifecycle in this process: run, drain, close. */

import type { Channel } from "../model/channel.ts";
import { ConfigError, DrainTimeoutError, StoreError } from "../model/errors.ts";
import type { EventRef } from "../model/event.ts";
import type { Log } from "../ports/log.ts";
import type { StreamStore } from "../ports/store.ts";
import type { RetryTimers } from "../ports/timers.ts";
import type { HandlerGauge, Tracing } from "../ports/tracing.ts";
import type { Delivery } from "./delivery.ts";
import type { Settled } from "./hand.ts";
import { Lanes } from "./lanes.ts";
import type { ResolvedComponentOptions } from "./options.ts";
import { type LaneTask, PartitionMember } from "./partition-member.ts";
import { RunningHandlers } from "./running-handlers.ts";
import type { Subscription } from "./subscription.ts";

/** A consumer group's handlers at work in this process, as one member of the group on each partition. */
export interface Component extends AsyncDisposable {
  readonly name: string;
  /** The member's name on the first partition; it changes if the member is taken for dead and joins again. */
  readonly member: string;
  /**
   * Joins the group and handles events until `signal` aborts or `drain` is called; resolves when drained. May be called once.
   * @throws {ConfigError} when a key of ours is somebody else's, when the name runs already with other channels, or when it was run before; nothing
   * was written then
   * @throws {StoreError} when the group cannot be joined
   * @throws {DrainTimeoutError} when handlers did not end in time; what they were handling stays pending
   */
  run(signal?: AbortSignal): Promise<void>;
  /** How it does, from what it knows already: Redis is not asked. */
  readonly health: ComponentHealth;
  /** Resolves when `run` has joined its groups and reads. */
  ready(): Promise<void>;
  /**
   * Stops reading, hands back what was not started, finishes what was, and hands back what of it conflicts with others' state. A second
   * call joins the first.
   */
  drain(): Promise<void>;
  /**
   * Resolves with how this component settled an entry; waits while it has not. Needs a reference with an `entryId`.
   * @throws {ConfigError} where the answer can never come: on an event of a channel that it does not consume, and where the component was not
   * run, here or elsewhere
   * @throws {StoreError} when the component is closed first. Throws the signal's reason when that aborts.
   */
  whenSettled(ref: EventRef, signal?: AbortSignal): Promise<Settled>;
  /** Resolves when its groups have nothing unread, pending or parked, whichever member has it. @throws as `whenSettled` */
  whenIdle(signal?: AbortSignal): Promise<void>;
}

export interface ComponentHealth {
  readonly component: string;
  /** False: a loop stands still although Redis answers, and only a new process helps. */
  readonly isLive: boolean;
  /** Its groups are there, Redis answers it, it is not draining, and its handlers return, or nothing waits for those that do not. */
  readonly isReady: boolean;
  /** For people: why it is not. */
  readonly reason?: string;
}

export interface ComponentParts {
  readonly name: string;
  readonly subscriptions: readonly Subscription[];
  readonly options: ResolvedComponentOptions;
  readonly partitions: number;
  readonly store: StreamStore;
  readonly timers: RetryTimers;
  readonly tracing: Tracing;
  readonly log: Log;
  /** False while the connection to Redis is lost. */
  readonly isConnected: () => boolean;
  /** Called with the channel of each output. */
  readonly onChannel: (channel: Channel<unknown>) => void;
  /** Says in the namespace what it is; called again when everything was gone. */
  readonly describe: () => void;
  /** Called when its groups exist, with what tells how long its handlers have run. */
  readonly joined: (oldest: () => readonly HandlerGauge[]) => void;
  /** Called once, when the component is closed. */
  readonly closed: () => void;
}

/**
 * idle      made, not run. `run` → joining; `drain` → closed.
 * joining   connects, makes its groups. Joined → running; an error → closed.
 * running   reads, handles, settles. `drain`, or the signal → draining.
 * draining  reads nothing more; waits for what was started, at most `drainTimeoutMs`. Then → closed.
 * closed    owns nothing.
 */
type Phase = "idle" | "joining" | "running" | "draining" | "closed";

/** How often `whenIdle` and `whenSettled` look at the group for what other members do, ms. */
const lookMs = 25;
/** How long a drain waits for a member that is joining, ms. */
const joinGraceMs = 500;
/** How long a drain with nothing in hand waits for a Redis that is away, ms. */
const awayGraceMs = 1_000;
/** How often it looks whether it is, ms. */
const awayLookMs = 50;

export class RunningComponent implements Component {
  readonly name: string;
  readonly #parts: ComponentParts;
  readonly #lanes: Lanes<LaneTask>;
  readonly #running: RunningHandlers;
  readonly #members: readonly PartitionMember[];
  /** Aborts when the drain runs out of time. */
  readonly #overtime = new AbortController();
  /** Aborts when the component is closed. */
  readonly #end = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  readonly #drained = Promise.withResolvers<void>();
  #phase: Phase = "idle";
  /** Set by `run`. Resolves with whether it has joined; false where it was drained meanwhile. */
  #starting: Promise<boolean> | undefined;
  #draining: Promise<void> | undefined;

  constructor(parts: ComponentParts) {
    const { name, subscriptions, options, partitions, store, timers, tracing, log } = parts;
    this.name = name;
    this.#parts = parts;
    this.#lanes = new Lanes(options.concurrency, (task) => task.run(task));
    this.#running = new RunningHandlers({ component: name, log, slowMs: options.slowHandlerMs });
    const { signal } = this.#overtime;
    signal.addEventListener("abort", () => this.#running.abort(signal.reason), { once: true });
    this.#members = Array.from(
      { length: partitions },
      (_, partition) =>
        new PartitionMember({
          component: name,
          partition,
          subscriptions,
          store,
          timers,
          tracing,
          log,
          lanes: this.#lanes,
          maxInHand: Math.max(1, Math.floor(options.maxInHand / partitions)),
          claimAfterMs: options.claimAfterMs,
          bounds: options,
          running: this.#running,
          from: options.from,
          onForgotten: parts.describe,
          onChannel: parts.onChannel,
          signal,
        }),
    );
    // Whoever awaits these gets the error; that nobody does is no error of its own.
    this.#ready.promise.catch(() => undefined);
    this.#drained.promise.catch(() => undefined);
  }

  get member(): string {
    return (this.#members[0] as PartitionMember).membership.member;
  }

  get health(): ComponentHealth {
    const component = this.name;
    if (this.#members.some((member) => member.isStuck))
      return { component, isLive: false, isReady: false, reason: "a loop stands still although Redis answers" };
    if (this.#phase !== "running") return { component, isLive: true, isReady: false, reason: this.#phase };
    if (!this.#members.every((member) => member.isServed))
      return { component, isLive: true, isReady: false, reason: "Redis does not answer" };
    const standstill = this.#running.standstill(this.#inHand, this.#parts.options.concurrency);
    if (standstill !== undefined) return { component, isLive: true, isReady: false, reason: standstill };
    return { component, isLive: true, isReady: true };
  }

  async run(signal?: AbortSignal): Promise<void> {
    if (this.#phase !== "idle") throw new ConfigError(`component "${this.name}" can be run once; it is ${this.#phase}`);
    if (signal?.aborted === true) return this.drain();
    this.#phase = "joining";
    const stop = (): void => {
      this.drain().catch(() => undefined); // `run` itself throws what the drain throws
    };
    signal?.addEventListener("abort", stop, { once: true });
    try {
      this.#starting = this.#parts.tracing.atRoot(() => this.#start());
      await this.#starting;
      await this.#drained.promise;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  ready(): Promise<void> {
    return this.#ready.promise;
  }

  drain(): Promise<void> {
    this.#draining ??= this.#parts.tracing.atRoot(() => this.#drain());
    return this.#draining;
  }

  async whenSettled(ref: EventRef, signal: AbortSignal = this.#end.signal): Promise<Settled> {
    if (ref.entryId === "")
      throw new StoreError(`event ${ref.id} has no entry yet: it is an output that is not settled`);
    const { store } = this.#parts;
    const members = await this.#membersOf(ref);
    for (;;) {
      const stopLooking = new AbortController();
      const look = AbortSignal.any([stopLooking.signal, this.#end.signal, signal, AbortSignal.timeout(lookMs * 10)]);
      const here = members.map((member) => member.hand.settled(ref, look));
      try {
        for (const { membership } of members) {
          const outcome = await store.isSettled(membership, ref);
          if (outcome !== undefined) return outcome;
        }
        const settled = (await Promise.race(here)) ?? undefined;
        if (settled !== undefined) return settled;
        if (this.#phase === "closed")
          throw new StoreError(`component "${this.name}" was closed before event ${ref.id} was settled`);
        signal.throwIfAborted();
      } finally {
        stopLooking.abort();
      }
    }
  }

  /** Where the event lies: in one partition, unless it was trimmed meanwhile. */
  async #membersOf(ref: EventRef): Promise<readonly PartitionMember[]> {
    if (this.#members.length === 1) return this.#members;
    for (const member of this.#members) {
      if (await this.#parts.store.holds(member.membership, ref)) return [member];
    }
    return this.#members;
  }

  async whenIdle(signal: AbortSignal = this.#end.signal): Promise<void> {
    const { store } = this.#parts;
    for (;;) {
      let left = 0;
      for (const { hand, membership } of this.#members) {
        if (hand.count > 0) left++;
        else {
          const { unread, pending } = await store.backlog(membership);
          left += unread + pending;
        }
      }
      if (left === 0) return;
      if (this.#phase === "closed") throw new StoreError(`component "${this.name}" was closed before it was idle`);
      signal.throwIfAborted();
      const look = AbortSignal.any([this.#end.signal, signal, AbortSignal.timeout(lookMs)]);
      await Promise.race(this.#members.map(({ hand }) => hand.left(look)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever disposes wants it gone; a drain that ran out of time was logged, and thrown to whoever runs it.
    await this.drain().catch(() => undefined);
  }

  async #start(): Promise<boolean> {
    const { timers, log } = this.#parts;
    try {
      for (const member of this.#members) await member.start();
      await timers.listen(async (partition, delivery) => this.#members[partition]?.wake(delivery));
    } catch (error) {
      if (this.#phase !== "joining") return false; // what the drain has cut
      this.#ready.reject(error);
      this.#drained.reject(error);
      await Promise.all(this.#members.map((member) => member.abandon()));
      await this.#close();
      throw error;
    }
    if (this.#phase !== "joining") return true;
    this.#phase = "running";
    this.#running.watch();
    const channels = this.#parts.subscriptions.map(({ channel }) => channel.name);
    this.#parts.joined(() => this.#running.oldestOf(channels));
    log.info({ component: this.name, member: this.member }, "joined");
    this.#ready.resolve();
    return true;
  }

  async #drain(): Promise<void> {
    const { options, log } = this.#parts;
    const before = this.#phase;
    this.#phase = "draining";
    if (before === "idle" || before === "closed") {
      await this.#close();
      this.#drained.resolve();
      return;
    }
    log.info({ component: this.name, inHand: this.#inHand }, "draining");
    // Counted before the signal: whoever hears it lets go of what it has.
    let pending = 0;
    const overtime = setTimeout(() => {
      pending = this.#inHand;
      this.#overtime.abort();
    }, options.drainTimeoutMs);
    const done = new AbortController();
    const away = this.#awayWithNothingInHand(done.signal);
    try {
      if (before === "joining" && !(await this.#hasJoinedSoon())) {
        await this.#giveUp();
        log.info({ component: this.name }, "drained before it had joined");
        this.#drained.resolve();
        return;
      }
      const finished = this.#finishStarted();
      finished.catch(() => undefined); // where it is not waited for
      await Promise.race([finished, aborted(this.#overtime.signal), away]);
      if (this.#overtime.signal.aborted) {
        const error = new DrainTimeoutError(this.name, pending, options.drainTimeoutMs);
        log.error({ component: this.name, pending }, error.message);
        throw error;
      }
      const left = Promise.all(this.#members.map((member) => member.leave())).then(() => true);
      if ((await Promise.race([left, aborted(this.#overtime.signal).then(() => false), away])) !== true) {
        log.warn(
          { component: this.name },
          "Redis is away, or did not answer in time: others will find this member gone by its silence",
        );
        left.catch(() => undefined);
        await this.#giveUp();
      }
      log.info({ component: this.name }, "drained");
      this.#drained.resolve();
    } catch (error) {
      await this.#giveUp();
      this.#drained.reject(error);
      throw error;
    } finally {
      done.abort();
      clearTimeout(overtime);
      await this.#close();
    }
  }

  /** Resolves when Redis has been away for a while and nothing is in hand that could yet be settled; never settles otherwise. */
  #awayWithNothingInHand(signal: AbortSignal): Promise<"away"> {
    return new Promise((resolve) => {
      let since = performance.now();
      const look = setInterval(() => {
        if (this.#parts.isConnected() || this.#inHand > 0) since = performance.now();
        else if (performance.now() - since >= awayGraceMs) resolve("away");
      }, awayLookMs);
      signal.addEventListener("abort", () => clearInterval(look), { once: true });
    });
  }

  /** A member that is just joining is let finish, so that it can leave in good order; one that waits for Redis is not waited for. */
  async #hasJoinedSoon(): Promise<boolean> {
    const { options } = this.#parts;
    const enough = AbortSignal.timeout(Math.min(joinGraceMs, options.drainTimeoutMs));
    return await Promise.race([this.#starting ?? false, aborted(enough).then(() => false)]);
  }

  async #finishStarted(): Promise<void> {
    const gathered = await Promise.all(this.#members.map((member) => member.stopTaking()));
    const waiting = this.#lanes.clear();
    const waitingOf = (partition: number, isStarted: boolean): readonly Delivery[] =>
      waiting
        .filter(({ isCounted }) => isCounted === isStarted) // started before: its state had changed
        .flatMap(({ deliveries }) => deliveries.filter(({ membership }) => membership.partition === partition));
    await Promise.all(
      this.#members.map(async (member, partition) => {
        await member.release([...(gathered[partition] ?? []), ...waitingOf(partition, false)], false);
        await member.release(waitingOf(partition, true), true);
      }),
    );
    // What conflicts and cannot be handed back runs again, so both are looked at until neither has anything.
    while ((this.#lanes.running > 0 || this.#inHand > 0) && !this.#overtime.signal.aborted) {
      await this.#lanes.quiet();
      await Promise.all(this.#members.map((member) => member.settled()));
      if (this.#lanes.running === 0 && this.#lanes.waiting === 0) break;
    }
  }

  /** Cuts what still waits for Redis, so that nothing outlives the drain. What is in hand stays pending. */
  async #giveUp(): Promise<void> {
    await this.#parts.store.close();
    await Promise.all(this.#members.map((member) => member.abandon()));
  }

  get #inHand(): number {
    return this.#members.reduce((sum, { hand }) => sum + hand.count, 0);
  }

  async #close(): Promise<void> {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#end.abort();
    this.#running.unwatch();
    this.#overtime.abort(); // nothing can be settled from now on, so nothing may go on trying
    this.#ready.reject(new StoreError(`component "${this.name}" was closed before it had joined`));
    await this.#parts.timers.close();
    await this.#parts.store.close();
    this.#parts.closed();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
