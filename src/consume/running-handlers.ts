/** The handlers of a component that have not returned, and since when: one that never does must not go unnoticed. */

import type { Clock } from "../ports/clock.ts";
import type { DeliveryId } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";
import type { HandlerGauge } from "../ports/tracing.ts";
import { type Listed, RollingList } from "./rolling-list.ts";

/** How often it looks, ms. */
const lookMs = 500;

/** A handler at work. Times are on the monotonic clock, ms. */
export interface RunningHandler extends Listed {
  readonly deliveries: readonly DeliveryId[];
  readonly attempt: number;
  /** Set when it begins. */
  startedAt: number;
  /** Its time was up before it had returned: nothing waits for it any more. */
  isLate: boolean;
  /** It is told of once it has run for so long, ms. 0: for as long as the component says. */
  tellAfterMs: number;
}

export interface RunningHandlersContext {
  readonly component: string;
  readonly clock: Clock;
  readonly log: Log;
  /** From when on a handler is slow, ms. */
  readonly slowMs: number;
}

export class RunningHandlers {
  readonly #context: RunningHandlersContext;
  readonly #running = new RollingList<RunningHandler>();
  /** Handlers that have returned, or whose time was up. */
  #ended = 0;
  #endedBefore = 0;
  /** When the last look found that one more had ended. */
  #endedAt: number;
  /** Cancels the next look. */
  #cancel = (): void => undefined;

  constructor(context: RunningHandlersContext) {
    this.#context = context;
    this.#endedAt = context.clock.now();
  }

  /** Begins to tell of slow handlers. */
  watch(): void {
    const { clock, slowMs } = this.#context;
    this.#cancel = clock.after(Math.min(lookMs, slowMs / 2), () => {
      this.#look();
      this.watch();
    });
  }

  unwatch(): void {
    this.#cancel();
  }

  /** One that ends later. */
  begin(handler: RunningHandler): void {
    handler.startedAt = this.#context.clock.now();
    this.#running.add(handler);
  }

  /** One that had begun has returned. */
  end(handler: RunningHandler): void {
    this.#running.remove(handler);
    if (!handler.isLate) this.#ended++;
    else this.#context.log.info(this.#fieldsOf(handler), "a handler whose time was up has ended: what it did is void");
  }

  /** One has returned at once, as most synchronous ones do: those never begin here. */
  endedAtOnce(): void {
    this.#ended++;
  }

  /** The time of one is up: nothing waits for it from now on. */
  late(handler: RunningHandler): void {
    handler.isLate = true;
    this.#ended++;
  }

  /**
   * Why the component stands still, for people; undefined where it does not. `inHand`: its deliveries, `concurrency`: handlers that may run
   * at once. It stands still when nothing but slow handlers runs, none has ended for so long, and something waits or could not begin.
   */
  standstill(inHand: number, concurrency: number): string | undefined {
    this.#noteEnded();
    const { slowMs } = this.#context;
    const awaited = [...this.#running].filter(({ isLate }) => !isLate);
    const [oldest] = awaited;
    if (oldest === undefined || this.#context.clock.now() - this.#endedAt <= slowMs) return undefined;
    const isSlow = awaited.every((handler) => this.#msOf(handler) > slowMs);
    const handled = awaited.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
    if (!isSlow || (inHand <= handled && awaited.length < concurrency)) return undefined;
    const { channel, entryId } = oldest.deliveries[0] as DeliveryId;
    const many = awaited.length === 1 ? "a handler has" : `${awaited.length} handlers have`;
    return (
      `${many} not returned, the oldest (${channel}/${entryId}) for ${Math.round(this.#msOf(oldest) / 1_000)} s, ` +
      "and nothing else gets its turn"
    );
  }

  /** For the gauge: late ones count, for they run. */
  oldestOf(channels: readonly string[]): readonly HandlerGauge[] {
    const running = [...this.#running];
    return channels.map((channel) => {
      const oldest = running.find(({ deliveries }) => deliveries[0]?.channel === channel);
      return { channel, component: this.#context.component, ranMs: oldest === undefined ? 0 : this.#msOf(oldest) };
    });
  }

  #noteEnded(): void {
    if (this.#ended === this.#endedBefore) return;
    this.#endedBefore = this.#ended;
    this.#endedAt = this.#context.clock.now();
  }

  /** Tells of the oldest when it is slow, when it has run for twice as long, and so on; never of all at once. */
  #look(): void {
    this.#noteEnded();
    const oldest = [...this.#running].find(({ isLate }) => !isLate);
    if (oldest === undefined) return;
    const { slowMs, log } = this.#context;
    const tellAfterMs = Math.max(slowMs, oldest.tellAfterMs);
    if (this.#msOf(oldest) < tellAfterMs) return;
    oldest.tellAfterMs = 2 * tellAfterMs;
    const text = "a handler has not returned: its key, and a slot of the component's concurrency, wait for it";
    log.warn({ ...this.#fieldsOf(oldest), running: this.#running.size }, text);
  }

  #fieldsOf(handler: RunningHandler): object {
    const { deliveries, attempt } = handler;
    const { channel, entryId } = deliveries[0] as DeliveryId;
    const { component } = this.#context;
    return {
      component,
      channel,
      entryId,
      events: deliveries.length,
      attempt,
      runningMs: Math.round(this.#msOf(handler)),
    };
  }

  #msOf({ startedAt }: RunningHandler): number {
    return this.#context.clock.now() - startedAt;
  }
}
