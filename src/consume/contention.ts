/** Deliveries whose state another member has changed: they run again here, or are handed back to whoever gets through with them sooner. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { listOf } from "../model/single-item-list.ts";
import type { Log } from "../ports/log.ts";
import type { Delivery } from "./delivery.ts";
import type { Hand } from "./hand.ts";

/** Conflicts after which a delivery is left to the others: one or two are usual where members share keys of state. */
const patience = 5;
/** How long a member stands aside, ms: at first, and at most when it loses again and again. From half to half as much again. */
const aside = { first: 1_000, most: 4_000 } as const;

export interface ContentionContext {
  readonly component: string;
  readonly log: Log;
  readonly hand: Hand;
  readonly isDraining: () => boolean;
  /** Whether other members live. */
  readonly hasCompany: () => boolean;
  /** Puts deliveries back at work, as a part of the same attempt. */
  readonly enqueue: (deliveries: readonly Delivery[]) => void;
  /** Hands back what was started, and counts it as not started. */
  readonly release: (deliveries: readonly Delivery[]) => Promise<void>;
  /** Aborts when the drain has run out of time. */
  readonly signal: AbortSignal;
}

/**
 * Members that write the same keys of state get in one another's way, and nothing is fair about it: who has just written goes on from
 * his own value, and is there first again. One alone gets through with all of it. So who loses hands back what it loses with, and leaves
 * the channels to the others for a while.
 */
export class Contention {
  readonly #context: ContentionContext;
  #asideUntil = Number.NEGATIVE_INFINITY;
  #asideMs: number = aside.first;
  /** What is handed back at the end of this turn. */
  #lost: Delivery[] = [];
  readonly #handingBack = new Set<Promise<void>>();

  constructor(context: ContentionContext) {
    this.#context = context;
  }

  /** Until then it takes neither new entries nor what was handed back; on the monotonic clock. */
  get asideUntil(): number {
    return this.#asideUntil;
  }

  /** A settlement has conflicted: nothing of it was written. */
  again(deliveries: readonly Delivery[]): void {
    const { isDraining, hasCompany, enqueue } = this.#context;
    for (const delivery of deliveries) delivery.conflicts++;
    // A member that drains hands everything back at once.
    const isPatient = !isDraining() && !(hasCompany() && deliveries.some(({ conflicts }) => conflicts >= patience));
    if (isPatient) {
      enqueue(deliveries);
      return;
    }
    if (this.#lost.length === 0) {
      const handingBack = this.#handBack().finally(() => this.#handingBack.delete(handingBack));
      this.#handingBack.add(handingBack);
    }
    this.#lost.push(...deliveries);
  }

  /** Resolves when everything is handed back. */
  async settled(): Promise<void> {
    await Promise.all(this.#handingBack);
  }

  /** Once for all that is lost in a turn. */
  async #handBack(): Promise<void> {
    const { component, log, hand, isDraining, enqueue, release, signal } = this.#context;
    await nextTurn();
    const lost = this.#lost.filter((delivery) => hand.has(delivery));
    this.#lost = [];
    if (!isDraining()) this.#standAside();
    try {
      await release(lost);
    } catch (error) {
      log.error({ component, reason: String(error) }, "what conflicts cannot be handed back: it is handled here again");
      if (signal.aborted) return;
      for (const delivery of lost) if (hand.has(delivery)) enqueue(listOf(delivery));
    }
  }

  #standAside(): void {
    const now = performance.now();
    if (now < this.#asideUntil) return;
    const isNew = now - this.#asideUntil > 2 * aside.most;
    this.#asideMs = isNew ? aside.first : Math.min(2 * this.#asideMs, aside.most);
    const forMs = Math.round(this.#asideMs * (0.5 + Math.random()));
    this.#asideUntil = now + forMs;
    const { component, log } = this.#context;
    log.info({ component, forMs }, "others are ahead on the same keys of state: this member stands aside");
  }
}
