/** One member on one partition: reader, keeper, state and attempts around one hand. */

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Channel } from "../model/channel.ts";
import { listOf } from "../model/single-item-list.ts";
import type { StoredEntry } from "../model/stored-entry.ts";
import type { Log } from "../ports/log.ts";
import type { AttemptRecord, DeliveryId, Membership, StreamStore } from "../ports/store.ts";
import type { RetryTimers } from "../ports/timers.ts";
import type { Tracing } from "../ports/tracing.ts";
import { Attempts } from "./attempts.ts";
import { Contention } from "./contention.ts";
import type { SettlementBounds, Task } from "./context.ts";
import { Deferrals, longestDelayMs } from "./deferrals.ts";
import { Delivery } from "./delivery.ts";
import { Gatherer } from "./gatherer.ts";
import { Hand } from "./hand.ts";
import { Keeper } from "./keeper.ts";
import type { Lanes } from "./lanes.ts";
import { Places } from "./places.ts";
import { isStuck } from "./pulse.ts";
import { Reader } from "./reader.ts";
import type { RunningHandlers } from "./running-handlers.ts";
import { Settler } from "./settler.ts";
import { StateCache } from "./state.ts";
import type { Subscription } from "./subscription.ts";

/** Most characters of entries in hand. */
const maxSizeInHand = 32 * 1_048_576;

/** A task with what runs it: the lanes are shared by all partitions of a component. */
export class LaneTask implements Task {
  readonly deliveries: readonly Delivery[];
  readonly isCounted: boolean;
  readonly run: (task: Task) => void | Promise<void>;

  constructor(deliveries: readonly Delivery[], isCounted: boolean, run: (task: Task) => void | Promise<void>) {
    this.deliveries = deliveries;
    this.isCounted = isCounted;
    this.run = run;
  }
}

export interface PartitionContext {
  readonly component: string;
  readonly partition: number;
  readonly subscriptions: readonly Subscription[];
  readonly store: StreamStore;
  readonly timers: RetryTimers;
  readonly tracing: Tracing;
  readonly log: Log;
  readonly lanes: Lanes<LaneTask>;
  readonly maxInHand: number;
  readonly claimAfterMs: number;
  readonly bounds: SettlementBounds;
  readonly running: RunningHandlers;
  readonly from: "start" | "now";
  /** Every record of the component was gone. */
  readonly onForgotten: () => void;
  /** Called with the channel of each output. */
  readonly onChannel: (channel: Channel<unknown>) => void;
  /** Aborts when the drain has run out of time. */
  readonly signal: AbortSignal;
}

export class PartitionMember {
  readonly hand: Hand;
  readonly #context: PartitionContext;
  readonly #subscriptions: ReadonlyMap<string, Subscription>;
  readonly #attempts: Attempts;
  readonly #run = (task: Task): void | Promise<void> => this.#attempts.run(task);
  readonly #keeper: Keeper;
  readonly #places: Places;
  readonly #contention: Contention;
  /** One for each subscription that takes batches, by channel. */
  readonly #gatherers = new Map<string, Gatherer>();
  /** Under which name it is a member now: a new one each time that it was taken for dead. */
  #membership: Membership;
  #reader: Reader;
  #isReading = false;
  /** While it joins again under a new name. */
  #renewing: Promise<void> | undefined;
  /** No retry is parked for longer, ms. */
  readonly #longestDelayMs: number;
  /** Channels that something was taken from since the keeper's last tick, or that had something in hand then. */
  #busy = new Set<string>();
  /** Retries that are being taken. */
  readonly #unparking = new Set<Promise<unknown>>();

  constructor(context: PartitionContext) {
    this.#context = context;
    const { component, partition, subscriptions, store, timers, tracing, log, maxInHand, claimAfterMs, signal } =
      context;
    this.hand = new Hand(maxInHand, maxSizeInHand);
    this.#subscriptions = new Map(subscriptions.map((subscription) => [subscription.channel.name, subscription]));
    this.#longestDelayMs = longestDelayMs(subscriptions);
    this.#membership = this.#newMembership();
    this.#places = new Places({ ...context, hand: this.hand });
    const settler = new Settler(store, (run) => tracing.quietly(run));
    const state = new StateCache(randomBytes(6).toString("base64url"), (name, key) =>
      tracing.quietly(() => store.readState({ component, partition }, name, key)),
    );
    this.#attempts = new Attempts({
      component,
      deferrals: new Deferrals(component, log, this.#longestDelayMs, Date.now),
      store,
      settler,
      hand: this.hand,
      timers,
      tracing,
      log,
      state,
      bounds: context.bounds,
      running: context.running,
      signal,
      onChannel: context.onChannel,
      again: (deliveries) => this.#contention.again(deliveries),
      strayed: () => this.#reader.lookAgain(),
    });
    this.#contention = new Contention({
      component,
      log,
      hand: this.hand,
      isDraining: () => !this.#isReading,
      hasCompany: () => this.#keeper.hasCompany,
      enqueue: (deliveries) => this.#enqueue(deliveries, true),
      release: (deliveries) => this.release(deliveries, true),
      signal,
    });
    this.#keeper = new Keeper({
      store,
      log,
      asideUntil: () => this.#asideUntil,
      claimAfterMs,
      longestDelayMs: this.#longestDelayMs,
      membership: () => this.#membership,
      room: () => this.hand.room,
      whenRoom: (signal) => this.hand.whenRoom(signal),
      accept: (entries) => {
        for (const entry of entries) this.#take(entry, entry.record, true);
      },
      busy: () => {
        const busy = this.#busy;
        this.#busy = new Set(this.hand.channels());
        return busy;
      },
      savePositions: async (membership) => {
        if (await this.#places.save(membership)) return;
        // A read that is under way will tell the reader, and may bring entries that the group must not be made again without. But a
        // reader that waits for room asks nothing, and what is in hand cannot be settled before the group is there again.
        if (!this.#reader.isAsking) await this.#joinAgain(this.#membership, this.#reader.lastRead);
      },
      lost: (channel, count) => this.#places.lost(channel, count),
      wake: (delivery) => this.wake(delivery),
      removed: () => this.#rejoinUnderNewName(),
    });
    this.#reader = this.#newReader();
    for (const { channel, handling } of subscriptions) {
      if (handling.mode !== "batch") continue;
      const gatherer = new Gatherer(handling.maxSize, handling.maxWaitMs, (deliveries) =>
        this.#enqueue(deliveries, false, () => gatherer.finished()),
      );
      this.#gatherers.set(channel.name, gatherer);
    }
  }

  get membership(): Membership {
    return this.#membership;
  }

  /** Whether one of its loops stands still while Redis answers the other. */
  get isStuck(): boolean {
    return this.#isReading && isStuck(this.#reader.pulse, this.#keeper.pulse);
  }

  /** Whether Redis has lately confirmed that it is a member, and that its groups are there. */
  get isServed(): boolean {
    return this.#keeper.pulse.isAnswered;
  }

  /** Joins the groups and begins to read. @throws {StoreError} */
  async start(): Promise<void> {
    await this.#places.join(this.#membership);
    this.#isReading = true;
    await this.#reader.start();
    this.#keeper.start();
  }

  /** A retry is due: takes it, if nobody else has. */
  async wake(delivery: DeliveryId): Promise<void> {
    if (!this.#isReading || !this.#subscriptions.has(delivery.channel)) return;
    const wokenBy = this.#context.tracing.active();
    const unparking = this.#context.store.unpark(this.#membership, delivery, this.#longestDelayMs);
    this.#unparking.add(unparking);
    try {
      const entry = await unparking;
      if (entry === "lost") this.#places.lost(delivery.channel, 1);
      else if (entry !== undefined) this.#take(entry, entry.record, false, wokenBy);
    } finally {
      this.#unparking.delete(unparking);
    }
  }

  /** First part of a drain: takes nothing more, and hands back what was gathered but not started. */
  async stopTaking(): Promise<readonly Delivery[]> {
    this.#isReading = false;
    await Promise.all([this.#keeper.stopClaims(), this.#reader.stop(), Promise.allSettled(this.#unparking)]);
    return [...this.#gatherers.values()].flatMap((gatherer) => gatherer.clear());
  }

  /** Hands deliveries back to the group. `isStarted`: an attempt at them has begun, and is not to count. */
  async release(deliveries: readonly Delivery[], isStarted: boolean): Promise<void> {
    const byChannel = Map.groupBy(deliveries, (delivery) => delivery.channel);
    for (const [channel, released] of byChannel) {
      const ids = released.map((delivery) => delivery.entryId);
      // With the group gone they leave no trace, so that it may not be made again as this member knows it.
      if (!(await this.#context.store.release(this.#membership, channel, ids, isStarted))) this.#reader.lookAgain();
      for (const delivery of released) this.hand.leave(delivery);
    }
  }

  /** Resolves when every attempt that has ended is settled, and what conflicted is handed back. */
  async settled(): Promise<void> {
    await this.#attempts.settled();
    await this.#contention.settled();
  }

  /** Last part of a drain. Deliveries still in hand stay pending; those that never arrived here are handed back. */
  async leave(): Promise<void> {
    await this.#keeper.stop();
    await this.#places.save(this.#membership);
    await this.#context.store.releaseUnknown(this.#membership, (delivery) => this.hand.knows(delivery));
    await this.#context.store.leave(this.#membership);
  }

  /** Abandons the keeper and the reader without a word to Redis: it cannot be reached. */
  async abandon(): Promise<void> {
    this.#isReading = false;
    await Promise.all([this.#reader.stop(), this.#keeper.stop()]);
  }

  /** Until then it leaves what comes to the others, as long as there are any. */
  get #asideUntil(): number {
    return this.#keeper.hasCompany ? this.#contention.asideUntil : Number.NEGATIVE_INFINITY;
  }

  #newMembership(): Membership {
    const { component, partition, subscriptions } = this.#context;
    const member = `${component}.${hostname()}.${process.pid}.${randomBytes(6).toString("base64url")}`;
    return { component, member, partition, channels: subscriptions.map(({ channel }) => channel.name) };
  }

  #newReader(): Reader {
    const { store, log } = this.#context;
    const membership = this.#membership;
    return new Reader({
      store,
      hand: this.hand,
      log,
      membership,
      asideUntil: () => this.#asideUntil,
      accept: (entries, records) => {
        const taken = entries.map((entry, i) => this.#takeInHand(entry, records[i], false));
        return () => {
          for (const delivery of taken) this.#handOver(delivery);
        };
      },
      rejoin: (lastRead) => this.#joinAgain(membership, lastRead),
    });
  }

  /** A group is gone. False: this member goes on under a new name, with another reader. */
  async #joinAgain(membership: Membership, lastRead: ReadonlyMap<string, string>): Promise<boolean> {
    const { log, component } = this.#context;
    const failed = (error: unknown): void =>
      log.error({ component, reason: String(error) }, "a group could not be made again; trying again");
    try {
      if (await this.#places.joinAgain(membership, lastRead)) return true;
    } catch (error) {
      failed(error);
      return true;
    }
    this.#rejoinUnderNewName().catch(failed); // the keeper will try again
    return false;
  }

  // Asked for by the reader and by the keeper; whoever comes second joins the first.
  #rejoinUnderNewName(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  // Everything in hand was given away when this member was removed, and a settlement under the old name is fenced. Under a new name
  // it begins with nothing.
  async #renew(): Promise<void> {
    const { log, component } = this.#context;
    log.error(
      { component, member: this.#membership.member },
      "this member was taken for dead; it joins again under a new name",
    );
    await this.#reader.stop();
    this.hand.voidAll();
    this.#membership = this.#newMembership();
    await this.#places.join(this.#membership);
    if (!this.#isReading) return;
    this.#reader = this.#newReader();
    await this.#reader.start();
  }

  #take(entry: StoredEntry, record: AttemptRecord | undefined, claimed: boolean, wokenBy = ""): void {
    const delivery = this.#takeInHand(entry, record, claimed);
    delivery.wokenBy = wokenBy;
    this.#handOver(delivery);
  }

  #takeInHand(entry: StoredEntry, record: AttemptRecord | undefined, claimed: boolean): Delivery {
    const subscription = this.#subscriptions.get(entry.channel) as Subscription;
    const delivery = new Delivery(entry, subscription, this.#membership, record, claimed);
    this.hand.take(delivery);
    this.#busy.add(delivery.channel);
    return delivery;
  }

  #handOver(delivery: Delivery): void {
    const gatherer = this.#gatherers.get(delivery.channel);
    // What came back goes by itself: it may be what made its batch fail, or kills whoever handles it.
    if (gatherer !== undefined && !delivery.hasRecord && delivery.envelope !== undefined) gatherer.add(delivery);
    else this.#enqueue(listOf(delivery), false);
  }

  #enqueue(deliveries: readonly Delivery[], isCounted: boolean, finished?: () => void): void {
    const run = finished === undefined ? this.#run : (one: Task) => this.#runThen(one, finished);
    const { lanes } = this.#context;
    const task = new LaneTask(deliveries, isCounted, run);
    if (deliveries.some((delivery) => delivery.isSuspect)) lanes.addAlone(task);
    else lanes.add(task, keysOf(deliveries));
  }

  async #runThen(task: Task, finished: () => void): Promise<void> {
    try {
      await this.#attempts.run(task);
    } finally {
      finished();
    }
  }
}

/** The lanes that a task needs, each once. */
function keysOf(deliveries: readonly Delivery[]): readonly string[] {
  if (deliveries.length === 1) return (deliveries[0] as Delivery).keys;
  return [...new Set(deliveries.flatMap((delivery) => delivery.keys))];
}
