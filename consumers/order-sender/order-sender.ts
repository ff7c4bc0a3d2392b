/** Composes the Order Sender: exchange orders go out over sessions with venues, and what these report comes back. */

import {
  type Backbone,
  type Component,
  type ComponentOptions,
  type Log,
  on,
  type Source,
  type Subscription,
} from "throughline";
import { exchangeOrders, reports, venueOrders } from "../../trading/domain/index.ts";
import { answer, prepare, send } from "./handlers.ts";
import { readReports } from "./report-run.ts";
import type { VenueAddress } from "./venue-link.ts";
import { type VenueRequests, VenueSessions } from "./venues.ts";

/** The component's name. */
export const orderSender = "order-sender";

export interface OrderSenderOptions {
  readonly venues: readonly VenueAddress[];
  readonly component?: ComponentOptions;
  readonly log: Log;
}

/** The component with the sources and sessions that belong to it. Its disposal ends these. */
export interface OrderSender extends AsyncDisposable {
  readonly component: Component;
  readonly sources: readonly Source[];
  /** Runs until the signal aborts or the component is drained; then the sources and sessions are closed, too. */
  run(signal?: AbortSignal): Promise<void>;
}

/** Requests that may wait for venues at once: while one waits for a venue's disk, those of other keys go out. */
const concurrency = 128;

/** As often as it takes: an order that was not sent is not given up because a venue, or a partition's former owner, was in the way. */
const untilSent = { maxAttempts: 1_000_000, maxBackoffMs: 5_000, onRetry: "block" } as const;

/** The Order Sender's handlers by channel, to be run without a connection. */
export function orderSenderSubscriptions(venues: VenueRequests): readonly Subscription[] {
  return [
    on(exchangeOrders, prepare(venues)),
    on(venueOrders, { retry: untilSent }, send(venues)),
    on(reports, answer),
  ];
}

export function createOrderSender(
  backbone: Pick<Backbone, "component" | "source" | "namespace">,
  { venues, component: given, log }: OrderSenderOptions,
): OrderSender {
  const client = backbone.namespace;
  const sessions = new VenueSessions(venues, client, log);
  const component = backbone.component(orderSender, orderSenderSubscriptions(sessions), { concurrency, ...given });
  const takeover = given?.takeoverAfterMs === undefined ? {} : { takeoverAfterMs: given.takeoverAfterMs };
  const sources = venues.map((venue) =>
    backbone.source(`venue-${venue.name}`, reports, readReports({ venue, client, log }), takeover),
  );
  const closeSources = async (): Promise<void> => {
    await Promise.all(sources.map((source) => source[Symbol.asyncDispose]()));
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= Promise.all([closeSources(), sessions[Symbol.asyncDispose]()]).then(() => undefined);
    return closing;
  };
  return {
    component,
    sources,
    run: async (signal) => {
      const stop = (): void => void closeSources();
      signal?.addEventListener("abort", stop, { once: true });
      try {
        await component.run(signal);
      } finally {
        signal?.removeEventListener("abort", stop);
        await close();
      }
    },
    [Symbol.asyncDispose]: close,
  };
}
