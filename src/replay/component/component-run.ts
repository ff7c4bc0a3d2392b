/** One run of a component's handlers over a record, which captures one call after the other. */

import type { Subscription } from "../../consume/subscription.ts";
import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { Log } from "../../ports/log.ts";
import type { ReplaySpan } from "../../ports/tracing.ts";
import type { CapturedCall, ReplaySummary, StateValue } from "./captured-call.ts";
import { OutputIds } from "./captured-store.ts";
import { withEffectsReported } from "./outside-effects.ts";
import type { Gaps, PlannedCall, ReplayOrder } from "./recorded-order.ts";
import { ReplayedPartition } from "./replayed-partition.ts";

/** The inputs of a run. */
export interface RunParts {
  readonly component: string;
  readonly runId: string;
  readonly partitions: number;
  readonly order: ReplayOrder;
  /** Subscriptions by channel. */
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  /** The state before the first call. */
  readonly state: Iterable<StateValue>;
  readonly span: ReplaySpan;
  readonly log: Log;
}

/** Makes the planned calls, and counts their results. */
export class Run {
  readonly gaps: Gaps = { absent: 0, unsettled: 0, unsubscribed: 0 };
  /** Entries whose fields are no valid UTF-8. */
  readonly notText: WeakSet<LogEntry> = new WeakSet();
  readonly #parts: RunParts;
  readonly #subscriptions: ReadonlyMap<string, Subscription>;
  readonly #partitions = new Map<number, ReplayedPartition>();
  readonly #ids = new OutputIds();
  readonly #counts = { calls: 0, events: 0, outputs: 0, effects: 0, deadLettered: 0, otherOutcomes: 0 };
  /** Effect ids that were read since the last settlement. */
  #effectIds: string[] = [];

  constructor(parts: RunParts) {
    this.#parts = parts;
    const note = (effectId: string): void => {
      if (!this.#effectIds.includes(effectId)) this.#effectIds.push(effectId);
    };
    this.#subscriptions = new Map(
      [...parts.subscriptions].map(([channel, one]) => [channel, withEffectsReported(one, note)]),
    );
    for (const value of parts.state) this.#partition(value.partition).store.give(value);
  }

  get summary(): ReplaySummary {
    const { runId, order } = this.#parts;
    return { runId, order, ...this.#counts, gaps: this.gaps };
  }

  *state(): Generator<StateValue, void, undefined> {
    for (const [partition, { store }] of this.#partitions)
      for (const value of store.state()) yield { partition, ...value };
  }

  /** Makes a call. A batch that fails gives several calls, because its events are then handled one by one, as in live operation. */
  async make(planned: PlannedCall): Promise<readonly CapturedCall[]> {
    const { partition, channel, entries, at, recorded } = planned;
    const replayed = this.#partition(partition);
    this.#ids.at(at);
    this.#effectIds = [];
    const settled = await replayed.handle(entries);
    return settled.map(({ settlement, attempts, effectIds }) => {
      const { outcome, error, outputs, writes } = settlement;
      const own = entries.filter(({ entryId }) => settlement.entryIds.includes(entryId));
      this.#counts.calls++;
      this.#counts.events += own.length;
      this.#counts.outputs += outputs.length;
      this.#counts.effects += effectIds.length;
      if (outcome === "deadLettered") this.#counts.deadLettered++;
      if (recorded !== undefined && recorded !== outcome) this.#counts.otherOutcomes++;
      return { partition, channel, entries: own, outcome, error, attempts, outputs, writes, effectIds, recorded };
    });
  }

  #partition(partition: number): ReplayedPartition {
    const known = this.#partitions.get(partition);
    if (known !== undefined) return known;
    const { component, runId, partitions, span, log } = this.#parts;
    const made = new ReplayedPartition({
      component,
      member: `replay.${runId}`,
      partition,
      partitions,
      subscriptions: this.#subscriptions,
      ids: this.#ids,
      span,
      log,
      isText: (entry) => !this.notText.has(entry),
      takeEffects: () => this.#effectIds.splice(0),
    });
    this.#partitions.set(partition, made);
    return made;
  }
}
