/** What the handling of a partition works with. */

import type { Channel } from "../model/channel.ts";
import type { Fence } from "../ownership/fence.ts";
import type { Hold } from "../ownership/hold.ts";
import type { Chance, Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Session } from "../ports/slice-store.ts";
import type { RetryTimers } from "../ports/timers.ts";
import type { Tracing } from "../ports/tracing.ts";
import type { Deferrals } from "./deferrals.ts";
import type { InFlight } from "./in-flight.ts";
import type { RunningHandlers } from "./running-handlers.ts";
import type { Settler } from "./settler.ts";
import type { State } from "./state.ts";

/** What one attempt may leave to its settlement: it is one script, and Redis does nothing else while it runs. */
export interface SettlementBounds {
  /** Most events published, and most keys of state written. */
  readonly maxOutputs: number;
  /** An estimate, of all events together; a single one may have more. */
  readonly maxOutputBytes: number;
}

export interface HandlingContext {
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  readonly partitions: number;
  readonly hold: Hold;
  readonly fence: Fence;
  readonly inFlight: InFlight;
  readonly settler: Settler;
  readonly state: State;
  readonly deferrals: Pick<Deferrals, "of">;
  readonly bounds: SettlementBounds;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly tracing: Pick<Tracing, "process" | "lostAttempt" | "lost" | "refused" | "quietly">;
  readonly handlers: RunningHandlers;
  readonly timers: Pick<RetryTimers, "schedule">;
  /** Aborts when the slice is lost, or the drain has run out of time. */
  readonly signal: AbortSignal;
  /** Asks the store until it answers, over one session after the other. @throws once the slice is lost */
  readonly ask: <T>(call: (session: Pick<Session, "count" | "isValidText">) => Promise<T>) => Promise<T>;
  /** Whether anything may be started now. */
  readonly isOpen: () => boolean;
  /** Called with the channel of each output. */
  readonly onChannel: (channel: Channel<unknown>) => void;
}
