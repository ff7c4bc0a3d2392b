/** A pipeline without the library, and its round. */

import type { ClientOrder } from "../../../trading/domain/index.ts";
import type { ProvidedVenue } from "../../../trading/pipeline/venue-process.ts";
import { inChunks } from "../../bulk.ts";
import type { Round, Sample } from "../../contender.ts";
import { clientOrders, orderedQuantity } from "./orders.ts";
import { openBenchVenue } from "./venue.ts";

export interface HandPipeline extends AsyncDisposable {
  /** Resolves when they are in the log. */
  place(orders: readonly ClientOrder[]): Promise<void>;
  /** Resolves when so much is executed and recorded; rejects when something has failed, or more is executed. */
  whenExecuted(quantity: number): Promise<void>;
  /** How many it has had. */
  readonly had: { readonly exchangeOrders: number; readonly executions: number };
}

export function pipelineRound(
  open: (url: string, venue: ProvidedVenue) => Promise<HandPipeline>,
): (round: Round) => Promise<Sample> {
  return async ({ url, count, meter }) => {
    await using venue = await openBenchVenue();
    await using pipeline = await open(url, venue);
    await meter.ready();
    const before = await venue.cpuMicros();
    meter.begin();
    await inChunks(count, (first, end) => pipeline.place(clientOrders(first, end)));
    await pipeline.whenExecuted(orderedQuantity(count));
    const sample = await meter.end(count);
    return {
      ...sample,
      venueMicros: ((await venue.cpuMicros()) - before) / count,
      exchangeOrdersEach: pipeline.had.exchangeOrders / count,
      executionsEach: pipeline.had.executions / count,
    };
  };
}
