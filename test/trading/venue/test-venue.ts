/** A venue in this process, with a journal that is gone after the test, and the Order Sender's runs for tests with several components. */

import { createOrderSender, type OrderSender, type VenueAddress } from "../../../consumers/order-sender/index.ts";
import type { Backbone, Component, ComponentOptions } from "../../../src/index.ts";
import { silentLog } from "../../../src/ports/log.ts";
import { bookOf, type VenueBook } from "../../../trading/pipeline/venue-process.ts";
import { startVenue, type Venue, type VenueOptions } from "../../../trading/venue/venue.ts";
import { eventually } from "../../support/eventually.ts";
import { venueDirectory } from "./directory.ts";

export interface TestVenue extends AsyncDisposable {
  readonly venue: Venue;
  readonly address: VenueAddress;
  book(client: string): Promise<VenueBook>;
}

export async function openVenue(options: Partial<VenueOptions> = {}): Promise<TestVenue> {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(await venueDirectory());
  const name = options.name ?? "simulated";
  const venue = stack.use(
    await startVenue({ directory: directory.path, port: 0, log: silentLog, latencyMs: 1, ...options, name }),
  );
  return {
    venue,
    address: { name, url: venue.url },
    book: (client) => bookOf(venue.url, client),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** The Order Sender as the other components are used: `run` takes its sources and sessions along. */
export interface RunnableSender extends Pick<Component, "run" | "ready" | "drain" | "whenIdle"> {
  readonly sender: OrderSender;
}

export function senderFor(
  backbone: Pick<Backbone, "component" | "source" | "namespace">,
  venues: readonly TestVenue[],
  component?: ComponentOptions,
): RunnableSender {
  const addresses = venues.map(({ address }) => address);
  const sender = createOrderSender(backbone, { venues: addresses, log: silentLog, ...(component && { component }) });
  return {
    sender,
    run: (signal) => sender.run(signal),
    ready: () => sender.component.ready(),
    drain: () => sender.component.drain(),
    whenIdle: () => sender.component.whenIdle(),
  };
}

/** Resolves when nothing is open at the venue, and all of what it has reported is in the log and handled. */
export async function whenTraded(
  backbone: Pick<Backbone, "read" | "namespace">,
  { venue }: TestVenue,
  components: readonly Pick<Component, "whenIdle">[],
): Promise<void> {
  await eventually(async () => {
    for (const component of components) await component.whenIdle();
    const { open, fills } = venue.totals(backbone.namespace);
    if (open > 0) return false;
    let filled = 0;
    for await (const { envelope } of backbone.read("fills")) if (envelope?.payload.includes('"filled"')) filled++;
    if (filled < fills) return false;
    for (const component of components) await component.whenIdle();
    return venue.totals(backbone.namespace).fills === fills;
  }, 120_000);
}
