/** What the handling of a partition works with, and the fence that its handlers are given. */

import type { SettlementBounds } from "../consume/context.ts";
import type { Deferrals } from "../consume/deferrals.ts";
import type { Channel } from "../model/channel.ts";
import type { Chance, Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Session } from "../ports/slice-store.ts";
import type { RetryTimers } from "../ports/timers.ts";
import type { Tracing } from "../ports/tracing.ts";
import type { InFlight } from "./in-flight.ts";
import type { Hold } from "./ownership.ts";
import type { Settler } from "./settler.ts";
import type { State } from "./state.ts";

/** What an outside system keeps, so that it can refuse a former owner: a lower number, or the same one with another token. */
export interface Fence {
  readonly epoch: number;
  readonly token: string;
}

export interface HandlingContext {
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  readonly hold: Hold;
  readonly fence: Fence;
  readonly inFlight: InFlight;
  readonly settler: Settler;
  readonly state: State;
  readonly deferrals: Deferrals;
  readonly bounds: SettlementBounds;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly tracing: Pick<Tracing, "process" | "lost">;
  readonly timers: Pick<RetryTimers, "schedule">;
  /** Aborts when the slice is lost, or the drain has run out of time. */
  readonly signal: AbortSignal;
  /** Asks the store until it answers, over one session after the other. @throws once the slice is lost */
  readonly ask: <T>(call: (session: Session) => Promise<T>) => Promise<T>;
  /** Whether anything may be started now. */
  readonly isOpen: () => boolean;
  /** Called with the channel of each output. */
  readonly onChannel: (channel: Channel<unknown>) => void;
}
