/** Reads a venue's reports for a hand-written sender: each batch is kept together with its position before the next one is. */

import type { VenueAddress } from "../../../consumers/order-sender/index.ts";
import { VenueLink } from "../../../consumers/order-sender/venue-link.ts";
import type { VenueReport } from "../../../trading/domain/index.ts";

export const client = "bench";
/** A hand-written sender has no owner, so its fence is always the same. */
export const fence = { epoch: 1, token: "bench" } as const;

/** Until the signal aborts. `keep` gets the reports and the number of the last one. */
export async function followReports(
  venue: VenueAddress,
  from: number,
  keep: (reports: readonly VenueReport[], last: number) => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  const hello = { client, partition: 0, direction: "reports", fence, from } as const;
  await using link = await VenueLink.open(venue, hello, signal);
  const stop = (): void => link.cut(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const frame of link.frames()) {
      if (frame.type === "reports") await keep(frame.reports, frame.first + frame.reports.length - 1);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
