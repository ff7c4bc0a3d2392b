/** A partition while a member owns it: reader, lanes, handling and settler around what is in flight. */

import { listOf } from "../model/single-item-list.ts";
import { fenceOf } from "../ownership/fence.ts";
import type { DeadOwner, Hold, Tenure } from "../ownership/hold.ts";
import { within } from "../ownership/pause.ts";
import { type Relay, relayOf } from "../ownership/relay.ts";
import type { DeliveryId } from "../ports/delivery.ts";
import type { Loss, Start } from "../ports/own.ts";
import type { Session, SliceStore } from "../ports/slice-store.ts";
import { lanesOf } from "./attempt.ts";
import type { HandlingContext } from "./context.ts";
import { Deferrals, longestDelayMs } from "./deferrals.ts";
import type { Delivery } from "./delivery.ts";
import { Gatherer } from "./gatherer.ts";
import { Handling } from "./handling.ts";
import { InFlight } from "./in-flight.ts";
import type { Lanes, LaneTask } from "./lanes.ts";
import { Reader } from "./reader.ts";
import { unblockLater } from "./setting-aside.ts";
import { Settler } from "./settler.ts";
import { State } from "./state.ts";
import type { Subscription } from "./subscription.ts";

/** What is under way for longer is shown in the group's pending list, ms. */
const lateMs = 1_000;
/** Takeovers by death without progress, after which an entry is suspected. */
const suspectDeaths = 2;
/** How many of the first entries after the position are suspected with what was open. */
const suspectWindow = 16;

/** What runs deliveries that are handled together. */
interface Runner {
  run(deliveries: readonly Delivery[]): void | Promise<void>;
  ended(): void;
}

/** Deliveries that are handled together: lanes are shared by all partitions of a component. */
class HandlingTask implements LaneTask {
  readonly keys: readonly string[];
  blockedBy = 0;
  readonly #deliveries: readonly Delivery[];
  readonly #runner: Runner;
  readonly #turn: number;
  /** Of several. */
  readonly #turns: readonly number[] | undefined;

  constructor(deliveries: readonly Delivery[], keys: readonly string[], runner: Runner) {
    this.keys = keys;
    this.#deliveries = deliveries;
    this.#runner = runner;
    this.#turn = deliveries[0]?.turn ?? 0;
    if (deliveries.length > 1) this.#turns = deliveries.map(({ turn }) => turn);
  }

  /** Without those that were let go meanwhile: they have another turn. */
  run(): void | Promise<void> {
    const turns = this.#turns;
    if (turns === undefined && this.#deliveries[0]?.turn === this.#turn) return this.#runner.run(this.#deliveries);
    return this.#runner.run(this.#deliveries.filter(({ turn }, i) => turn === (turns?.[i] ?? this.#turn)));
  }

  ended(): void {
    this.#runner.ended();
  }
}

export interface OwnedPartitionContext
  extends Omit<
    HandlingContext,
    "hold" | "fence" | "inFlight" | "settler" | "deferrals" | "state" | "ask" | "isOpen" | "signal"
  > {
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  readonly lanes: Lanes;
  readonly maxInFlight: number;
  /** As the settler has it. */
  readonly acknowledgeWithinMs?: number | undefined;
  readonly store: Pick<SliceStore, "relays" | "openRelay">;
  /** Whether the component is paused in this process. */
  readonly isPaused: () => boolean;
}

export class OwnedPartition implements Tenure {
  readonly #context: OwnedPartitionContext;
  readonly #hold: Hold;
  readonly #inFlight: InFlight;
  readonly #settler: Settler;
  /** Where the partitions are at several nodes. */
  readonly #relay: Relay | undefined;
  readonly #reader: Reader;
  readonly #handling: Handling;
  /** One for each subscription that takes batches, by channel. */
  readonly #gatherers = new Map<string, Gatherer>();
  /** Aborts when the slice is lost, or the drain has run out of time. */
  readonly #over = new AbortController();
  #session: Session | undefined;
  #isQuiet = false;
  /** How many more of what is read are suspected. */
  #suspects = 0;

  /** `dead`: the owner before, where it is taken for dead. */
  constructor(context: OwnedPartitionContext, hold: Hold, starts: readonly Start[], deaths: number, dead?: DeadOwner) {
    this.#context = context;
    this.#hold = hold;
    const { subscriptions, maxInFlight, clock, log, component, partition, partitions, store } = context;
    const longestMs = longestDelayMs(subscriptions.values());
    const inFlight = new InFlight(starts, subscriptions, maxInFlight, dead);
    this.#inFlight = inFlight;
    if (deaths >= suspectDeaths) {
      inFlight.suspectOpen();
      this.#suspects = suspectWindow;
    }
    const { acknowledgeWithinMs } = context;
    this.#relay = relayOf(store, { component, partition, partitions, hold, clock, log });
    const relayed = (to: number): void => this.#relay?.nudge(to);
    const refused = (deliveries: number): void => context.tracing.refused(component, partition, deliveries);
    const settler = new Settler({ hold, inFlight, clock, log, component, acknowledgeWithinMs, relayed, refused });
    this.#settler = settler;
    this.#handling = new Handling({
      ...context,
      hold,
      fence: fenceOf(hold.claim),
      inFlight,
      settler,
      deferrals: new Deferrals(component, log, longestMs, () => clock.wallNow()),
      state: new State(
        (keys) => this.#ask((session) => session.readState(keys)),
        (run) => clock.soon(run),
      ),
      ask: (call) => this.#ask(call),
      isOpen: () => this.#isOpen,
      signal: this.#over.signal,
    });
    this.#reader = new Reader({
      hold,
      inFlight,
      clock,
      log,
      longestDelayMs: longestMs,
      isOpen: () => this.#isOpen,
      accept: (delivery) => this.#accept(delivery),
    });
    for (const { channel, handling } of subscriptions.values()) {
      if (handling.mode !== "batch") continue;
      const gatherer = new Gatherer(clock, handling.maxSize, handling.maxWaitMs, (deliveries) =>
        this.#enqueue(deliveries, {
          run: (batch) => this.#handling.run(batch),
          ended: () => {
            this.#handling.ended();
            gatherer.finished();
          },
        }),
      );
      this.#gatherers.set(channel.name, gatherer);
    }
  }

  get newest(): Tenure["newest"] {
    return this.#inFlight.newest;
  }

  get answered(): number {
    return this.#settler.answered;
  }

  get unfinished(): number {
    return this.#inFlight.here;
  }

  late(): readonly DeliveryId[] {
    return this.#inFlight.takeLate(this.#context.clock.now() - lateMs);
  }

  lost(losses: readonly Loss[]): void {
    const { component, partition, log, tracing } = this.#context;
    for (const { channel, count, isExact } of losses) {
      const fields = { component, partition, channel, count };
      if (!isExact) {
        log.warn(
          fields,
          "entries were removed by somebody else than retention; up to so many of them may not have been read",
        );
        continue;
      }
      this.#inFlight.skip(channel, count);
      tracing.lost(channel, component, count);
      log.error(fields, "entries were removed before they were read: they are lost");
    }
  }

  resume(session: Session): void {
    this.#session = session;
    this.showAgain();
    this.#settler.resume(session);
    this.#relay?.resume(session);
    this.#reader.resume(session);
  }

  showAgain(): void {
    this.#inFlight.forgetShown();
  }

  confirmed(): void {
    this.#inFlight.change.tell();
  }

  async quiesce(ms: number): Promise<boolean> {
    const { clock } = this.#context;
    const begunAt = clock.now();
    this.#isQuiet = true;
    this.#inFlight.letGoWaiting();
    this.#settler.hurry();
    const { change } = this.#inFlight;
    const isAtRest = await within(clock, ms, change, () => this.#handling.running === 0 && this.#settler.isIdle);
    if (isAtRest) await this.#relay?.rest(begunAt + ms - clock.now());
    return isAtRest;
  }

  goOn(): void {
    this.#isQuiet = false;
    this.#reader.nudge();
  }

  /** The component was paused. Resolves when nothing runs and everything is settled, or it is not paused any more. */
  async paused(): Promise<void> {
    const { isPaused } = this.#context;
    this.#inFlight.letGoWaiting();
    const isAtRest = (): boolean => this.#handling.running === 0 && this.#settler.isIdle;
    while (isPaused() && !isAtRest() && !this.#over.signal.aborted) await this.#inFlight.change.next();
  }

  /** It is not any more. */
  unpaused(): void {
    this.#reader.nudge();
  }

  end(reason: Error): void {
    this.#over.abort(reason);
    this.#settler.stop(reason);
    this.#relay?.stop();
    this.#reader.stop();
    for (const gatherer of this.#gatherers.values()) gatherer.clear();
    this.#inFlight.change.tell();
  }

  /** A retry's timer has fired. `triedBy`: the traceparent of the attempt that failed. */
  async wake(delivery: DeliveryId, triedBy: string): Promise<void> {
    await this.#reader.wake(delivery, triedBy);
  }

  async #ask<T>(call: (session: Session) => Promise<T>): Promise<T> {
    for (;;) {
      this.#over.signal.throwIfAborted();
      const session = this.#session;
      try {
        if (session !== undefined) return await call(session);
      } catch (error) {
        const { component, partition, log } = this.#context;
        log.warn({ component, partition, reason: String(error) }, "the store does not answer; it is asked again");
        if (session !== undefined) this.#hold.broken(session);
      }
      while (session === this.#session && !this.#over.signal.aborted) await this.#inFlight.change.next();
    }
  }

  get #isOpen(): boolean {
    return !this.#isQuiet && !this.#over.signal.aborted && this.#hold.mayStart && !this.#context.isPaused();
  }

  #accept(delivery: Delivery): void {
    if (delivery.dueInMs > 0) {
      const { clock } = this.#context;
      this.#inFlight.block(delivery);
      unblockLater({ clock, inFlight: this.#inFlight }, delivery, delivery.dueInMs);
      return;
    }
    if (this.#suspects > 0 && delivery.ordinal > 0) {
      this.#suspects--;
      delivery.isSuspect = true;
    }
    const gatherer = this.#gatherers.get(delivery.channel);
    // What came back goes by itself: it may be what made its batch fail, or kills whoever handles it.
    if (gatherer !== undefined && !delivery.isCounted && delivery.envelope !== undefined) gatherer.add(delivery);
    else this.#enqueue(listOf(delivery), this.#handling);
  }

  #enqueue(deliveries: readonly Delivery[], runner: Runner): void {
    const { lanes, partition } = this.#context;
    const own = lanesOf(deliveries);
    const keys = partition === 0 ? own : own.map((lane) => `${partition}/${lane}`);
    if (deliveries.some(({ isSuspect }) => isSuspect)) lanes.addAlone(new HandlingTask(deliveries, keys, runner));
    else lanes.add(new HandlingTask(deliveries, keys, runner));
  }
}
