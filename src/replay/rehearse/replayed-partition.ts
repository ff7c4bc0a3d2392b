/** One partition of a replay: the live processing of deliveries, with a store in memory. */

import { Attempts } from "../../consume/attempts.ts";
import { Delivery } from "../../consume/delivery.ts";
import { Hand } from "../../consume/hand.ts";
import { RunningHandlers } from "../../consume/running-handlers.ts";
import { Settler } from "../../consume/settler.ts";
import { StateCache } from "../../consume/state.ts";
import type { Subscription } from "../../consume/subscription.ts";
import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { Log } from "../../ports/log.ts";
import type { DeliveryId, Membership } from "../../ports/store.ts";
import type { ReplaySpan } from "../../ports/tracing.ts";
import { type CapturedSettlement, CapturedStore, type OutputIds } from "./captured-store.ts";

/** The inputs of a partition. */
export interface PartitionParts {
  readonly membership: Membership;
  readonly ids: OutputIds;
  readonly span: ReplaySpan;
  readonly log: Log;
  readonly isText: (entry: LogEntry) => boolean;
  readonly takeEffects: () => readonly string[];
}

/** The result of one settlement. */
export interface Handled {
  readonly settlement: CapturedSettlement;
  readonly attempts: number;
  readonly effectIds: readonly string[];
}

/** Handles entries of one partition. */
export class ReplayedPartition {
  readonly store: CapturedStore;
  readonly #membership: Membership;
  readonly #attempts: Attempts;
  /** Highest attempt of each entry of the current call. */
  readonly #attemptOf = new Map<string, number>();
  /** The entries of the current call. */
  #entries: readonly LogEntry[] = [];
  #handled: Handled[] = [];

  constructor({ membership, ids, span, log, isText, takeEffects }: PartitionParts) {
    this.#membership = membership;
    const isTextOf = (delivery: DeliveryId): boolean => isText(this.#entryOf(delivery));
    this.store = new CapturedStore(membership.partition, ids, isTextOf, (settlement) => {
      const attempts = settlement.entryIds.map((entryId) => this.#attemptOf.get(entryId) ?? 1);
      this.#handled.push({ settlement, attempts: Math.max(...attempts), effectIds: takeEffects() });
    });
    this.#attempts = new Attempts({
      deferrals: undefined,
      component: membership.component,
      store: this.store,
      settler: new Settler(this.store, bare),
      hand: new Hand(1, 1),
      timers: this.store,
      tracing: {
        process: (processing) => {
          for (const { entryId } of processing.entries) this.#attemptOf.set(entryId, processing.attempt);
          return span.process(processing);
        },
        quietly: bare,
        lost: () => undefined,
      },
      log,
      state: new StateCache("replay", this.store.readState),
      bounds: unbounded,
      running: new RunningHandlers({ component: membership.component, log, slowMs: Number.POSITIVE_INFINITY }),
      signal: never,
      onChannel: () => undefined,
      again: () => undefined,
      strayed: () => undefined,
    });
  }

  async handle(subscription: Subscription, entries: readonly LogEntry[]): Promise<readonly Handled[]> {
    this.#entries = entries;
    this.#handled = [];
    this.#attemptOf.clear();
    const deliver = (entry: LogEntry, attempt?: number): Delivery => {
      const record = attempt === undefined ? undefined : { attempt, crashes: 0, firstAt: 0 };
      return new Delivery(entry, subscription, this.#membership, record, false);
    };
    await this.#attempts.run({ deliveries: entries.map((entry) => deliver(entry)), isCounted: false });
    await this.#attempts.settled();
    for (let due = this.store.takeDue(); due.length > 0; due = this.store.takeDue()) {
      for (const { delivery, attempt } of due) {
        const retried = deliver(this.#entryOf(delivery), attempt);
        await this.#attempts.run({ deliveries: [retried], isCounted: false });
        await this.#attempts.settled();
      }
    }
    return this.#handled;
  }

  #entryOf({ entryId }: DeliveryId): LogEntry {
    return this.#entries.find((entry) => entry.entryId === entryId) as LogEntry;
  }
}

function bare<T>(run: () => T): T {
  return run();
}

/** No bounds: the live settler, not a replay, refuses a settlement that is too large. */
const unbounded = { maxOutputs: Number.POSITIVE_INFINITY, maxOutputBytes: Number.POSITIVE_INFINITY } as const;

/** A signal that never aborts: a replay is not drained, but ends after its current call. */
const never: AbortSignal = new AbortController().signal;
