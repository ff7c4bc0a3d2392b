/** What a simulated member is given in place of tracing, timers and a log. */

import type { Carrier } from "../../src/model/carrier.ts";
import type { DeliveryId } from "../../src/ports/delivery.ts";
import type { Log } from "../../src/ports/log.ts";
import type { RetryTimers } from "../../src/ports/timers.ts";
import type { ProcessSpan, SendSpan, Tracing } from "../../src/ports/tracing.ts";
import type { Host } from "./host.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export const noCarrier: Carrier = { traceparent: "", tracestate: "", baggage: "" };
const noSendSpan: SendSpan = { carrier: noCarrier, sent: () => undefined, failed: () => undefined };
const noProcessSpan: ProcessSpan = {
  run: (handle) => handle(),
  send: () => noSendSpan,
  sendDead: () => noSendSpan,
  traceparent: "",
  baggageOf: () => new Map(),
  settled: () => undefined,
};

/** Makes no spans, and draws no ids. */
export const untraced: Tracing = {
  send: () => noSendSpan,
  sendAll: (sendings) => sendings.map(() => noSendSpan),
  process: () => noProcessSpan,
  handling: () => undefined,
  lostAttempt: () => undefined,
  replay: () => {
    throw new Error("nothing is replayed here");
  },
  quietly: (run) => run(),
  atRoot: (run) => run(),
  sourceRan: () => undefined,
  tookOver: () => undefined,
  refused: () => undefined,
  lost: () => undefined,
  trimmed: () => undefined,
  observe: () => () => undefined,
  observeHandlers: () => () => undefined,
  observeOwned: () => () => undefined,
  observeReadiness: () => () => undefined,
};

type Wake = (partition: number, delivery: DeliveryId, triedBy: string) => Promise<void>;

/** Timers of all members: they fire late, at any member, or never. */
export class SimulatedTimers {
  readonly #world: World;
  readonly #random: Random;
  readonly #listening = new Map<Host, Wake>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  of(host: Host): RetryTimers {
    return {
      schedule: async (partition, delivery, _attempt, delayMs) => {
        if (this.#random.isLucky(0.1)) return; // lost
        this.#world.after(delayMs + this.#random.between(0, 30), () => this.#fire(partition, delivery));
      },
      listen: async (wake) => void this.#listening.set(host, wake),
      close: async () => void this.#listening.delete(host),
    };
  }

  #fire(partition: number, delivery: DeliveryId): void {
    const living = [...this.#listening].filter(([host]) => !host.isDead);
    if (living.length === 0) return;
    const [host, wake] = this.#random.pick(living);
    host.enter(() => void wake(partition, delivery, "").catch(() => undefined));
  }
}
