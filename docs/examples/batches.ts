/** The guide's example of a handler of batches. test/docs/examples.test.ts runs it. */

import { connect } from "./connect.ts";

await using backbone = await connect();

// #region batch
import { defineChannel, on } from "throughline";
import { z } from "zod";

const clicks = defineChannel({ name: "clicks", schema: z.object({ page: z.string() }) });
const totals = defineChannel({ name: "totals", schema: z.object({ page: z.string(), count: z.int() }) });

const counter = backbone.component(
  "counter",
  [
    on(clicks, { batch: { maxSize: 100, maxWaitMs: 50 }, handlerTimeoutMs: 5_000 }, async (events, { publish }) => {
      const byPage = Map.groupBy(events, ({ payload }) => payload.page);
      for (const [page, ofPage] of byPage) await publish(totals, { page, count: ofPage.length }, { causedBy: ofPage });
    }),
  ],
  { concurrency: 4, drainTimeoutMs: 5_000 },
);
// #endregion batch

await Promise.all(["a", "b", "a"].map((page) => backbone.publish(clicks, { page })));
const running = counter.run();
await counter.whenIdle();
for await (const { envelope } of backbone.read(totals)) console.log(envelope?.payload);
await counter.drain();
await running;
