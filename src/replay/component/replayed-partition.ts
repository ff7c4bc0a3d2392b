/** One partition of a replay: the live handling and settling of deliveries, with a store in memory. */

import type { Delivery } from "../../consume/delivery.ts";
import { Handling } from "../../consume/handling.ts";
import { InFlight } from "../../consume/in-flight.ts";
import { RunningHandlers } from "../../consume/running-handlers.ts";
import { Settler } from "../../consume/settler.ts";
import { State } from "../../consume/state.ts";
import type { Subscription } from "../../consume/subscription.ts";
import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { Hold } from "../../ownership/hold.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DeliveryId } from "../../ports/delivery.ts";
import { hostClock } from "../../ports/host-clock.ts";
import type { Log } from "../../ports/log.ts";
import type { ReplaySpan } from "../../ports/tracing.ts";
import { type CapturedSettlement, CapturedStore, type OutputIds } from "./captured-store.ts";

/** The inputs of a partition. */
export interface PartitionParts {
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  readonly partitions: number;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
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
  readonly #inFlight: InFlight;
  readonly #handling: Handling;
  /** Highest attempt of each entry of the current call. */
  readonly #attemptOf = new Map<string, number>();
  /** The entries of the current call. */
  #entries: readonly LogEntry[] = [];
  #handled: Handled[] = [];

  constructor({ subscriptions, ids, span, log, isText, takeEffects, ...slice }: PartitionParts) {
    const isTextOf = (delivery: DeliveryId): boolean => isText(this.#entryOf(delivery));
    const store = new CapturedStore(ids, isTextOf, (settlement) => {
      const attempts = settlement.entryIds.map((entryId) => this.#attemptOf.get(entryId) ?? 1);
      this.#handled.push({ settlement, attempts: Math.max(...attempts), effectIds: takeEffects() });
    });
    const starts = [...subscriptions.keys()].map(startOf);
    const inFlight = new InFlight(starts, subscriptions, Number.POSITIVE_INFINITY);
    const { component } = slice;
    const settler = new Settler({ hold, inFlight, clock, log, component });
    settler.resume(store);
    this.store = store;
    this.#inFlight = inFlight;
    this.#handling = new Handling({
      ...slice,
      hold,
      fence: { epoch: 0, token: "replay" },
      inFlight,
      settler,
      state: new State((keys) => store.readState(keys), clock.soon),
      // Nothing waits: a record has no time to.
      deferrals: { of: () => undefined },
      bounds: unbounded,
      clock,
      chance: { number: () => 0, token: () => "replay" },
      log,
      tracing: {
        process: (processing) => {
          for (const { entryId } of processing.entries) this.#attemptOf.set(entryId, processing.attempt);
          return span.process(processing);
        },
        lostAttempt: () => undefined,
        quietly: (run) => run(),
        lost: () => undefined,
        refused: () => undefined,
      },
      handlers: new RunningHandlers({ component, clock, log, slowMs: Number.POSITIVE_INFINITY }),
      timers: {
        // All is due at once.
        schedule: async (_partition, { channel, entryId }, attempt) => {
          inFlight.addDue({ channel, entryId, record: { attempt, starts: 0, dueInMs: 0 } });
        },
      },
      signal: never,
      ask: (call) => call(store),
      isOpen: () => true,
      onChannel: () => undefined,
    });
  }

  async handle(entries: readonly LogEntry[]): Promise<readonly Handled[]> {
    this.#entries = entries;
    this.#handled = [];
    this.#attemptOf.clear();
    const inFlight = this.#inFlight;
    await this.#handling.run(entries.map((entry) => inFlight.take(entry)));
    while (inFlight.count > 0) {
      const [retried] = inFlight.fetchable(1);
      if (retried === undefined) await inFlight.change.next();
      else await this.#again(retried);
    }
    return this.#handled;
  }

  async #again(delivery: Delivery): Promise<void> {
    this.#inFlight.load(delivery, this.#entryOf(delivery));
    await this.#handling.run([delivery]);
  }

  #entryOf({ entryId }: DeliveryId): LogEntry {
    return this.#entries.find((entry) => entry.entryId === entryId) as LogEntry;
  }
}

function startOf(channel: string) {
  return {
    channel,
    at: "0-0",
    entriesRead: undefined,
    open: [],
    counts: [],
    became: "there",
    lost: 0,
    begun: [],
  } as const;
}

/** Nobody else wants the partition. Its epoch is lower than any: an outside system that heeds fences refuses what a replay does. */
const hold: Hold = {
  claim: { epoch: 0, owner: "replay/replay" },
  mayStart: true,
  confirmed: () => undefined,
  lost: () => undefined,
  broken: () => undefined,
  isInUse: () => true,
  outrun: () => undefined,
  retake: () => Promise.resolve(true),
};

/** Handlers' own time runs as ever; what would be sent with the rest of its turn goes at once. */
const clock: Clock = { ...hostClock, soon: (run) => queueMicrotask(run) };

/** No bounds: the live settler, not a replay, refuses a settlement that is too large. */
const unbounded = { maxOutputs: Number.POSITIVE_INFINITY, maxOutputBytes: Number.POSITIVE_INFINITY } as const;

/** A signal that never aborts: a replay is not drained, but ends after its current call. */
const never: AbortSignal = new AbortController().signal;
