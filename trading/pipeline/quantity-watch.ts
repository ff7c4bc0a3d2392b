/** Watches a run by its log: the ordered quantity, and how much of it is executed or rejected. */

import { setTimeout } from "node:timers/promises";
import { type Backbone, ThroughlineError } from "throughline";
import { Execution, quantityOf } from "../domain/index.ts";
import type { Feed } from "./feed.ts";
import type { Positions } from "./ledger.ts";
import type { Progress } from "./progress.ts";

export interface WatchOptions {
  readonly since: Positions;
  readonly feed: Feed | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const intervalMs = 200;

/** Shows the progress of the file's orders until the signal aborts. Never rejects because Redis is away. */
export async function watchQuantity(log: Pick<Backbone, "read">, options: WatchOptions): Promise<void> {
  const { feed, progress, signal } = options;
  if (feed === undefined) return;
  let last = options.since.executions;
  let doneQuantity = 0;
  while (!signal.aborted) {
    await setTimeout(intervalMs, undefined, { signal }).catch(() => undefined);
    try {
      for await (const { entryId, envelope } of log.read("executions", last === "" ? {} : { from: `(${last}` })) {
        last = entryId;
        const execution = envelope && Execution.safeParse(JSON.parse(envelope.payload));
        if (execution?.success) doneQuantity += quantityOf(execution.data);
      }
    } catch (error) {
      // Redis is away, or somebody wrote an entry that is no JSON. The next look continues from here.
      if (!(error instanceof ThroughlineError || error instanceof SyntaxError)) throw error;
    }
    progress.show({ orders: feed.counts.orders, quantity: feed.counts.newQuantity, doneQuantity });
  }
}
