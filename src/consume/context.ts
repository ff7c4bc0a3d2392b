/** What the attempts of one member work with, and what they work on. */

import type { Channel } from "../model/channel.ts";
import type { Log } from "../ports/log.ts";
import type { StreamStore } from "../ports/store.ts";
import type { RetryTimers } from "../ports/timers.ts";
import type { Tracing } from "../ports/tracing.ts";
import type { Deferrals } from "./deferrals.ts";
import type { Delivery } from "./delivery.ts";
import type { Hand } from "./hand.ts";
import type { RunningHandlers } from "./running-handlers.ts";
import type { Settler } from "./settler.ts";
import type { StateCache } from "./state.ts";

/** Deliveries that are handled and settled together: one, or a batch. */
export interface Task {
  readonly deliveries: readonly Delivery[];
  /** Its attempt is counted already: it runs again because its state had changed. */
  readonly isCounted: boolean;
}

/** What one attempt may leave to its settlement: it is one script, and Redis does nothing else while it runs. */
export interface SettlementBounds {
  /** Most events published, and most keys of state written. */
  readonly maxOutputs: number;
  /** An estimate, of all events together; a single one may have more. */
  readonly maxOutputBytes: number;
}

/** What the attempts work with; the same for all of one member's. */
export interface AttemptContext {
  readonly component: string;
  readonly store: Pick<StreamStore, "isValidText" | "begin" | "park" | "bury">;
  readonly settler: Settler;
  readonly hand: Hand;
  readonly timers: Pick<RetryTimers, "schedule">;
  readonly tracing: Pick<Tracing, "process" | "quietly" | "lost">;
  readonly log: Log;
  readonly state: StateCache;
  readonly bounds: SettlementBounds;
  readonly running: RunningHandlers;
  /** What has to wait; undefined in a rehearsal, where nothing waits. */
  readonly deferrals: Deferrals | undefined;
  /** Aborts when the drain has run out of time. */
  readonly signal: AbortSignal;
  /** Called with the channel of each output. */
  readonly onChannel: (channel: Channel<unknown>) => void;
  /** Another member has changed their state: they run again, here or elsewhere. */
  readonly again: (deliveries: readonly Delivery[]) => void;
  /** Deliveries have left the hand that may still be this member's. */
  readonly strayed: () => void;
}
