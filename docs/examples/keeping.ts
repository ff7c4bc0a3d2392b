/** The guide's example of retention. test/docs/examples.test.ts runs it. */

import { connect } from "./connect.ts";

await using backbone = await connect();

// #region retention
import { defineChannel, PublishError } from "throughline";
import { z } from "zod";

const prices = defineChannel({
  name: "prices",
  schema: z.object({ symbol: z.string(), price: z.string() }),
  retention: {
    maxAgeMs: 86_400_000, // what is finished and older than a day may go
    hardCap: 3, // a partition's stream never holds more entries than this (a real cap is in the millions)
    onFull: "reject", // … and refuses what comes then; "evict" removes the oldest, finished or not
  },
});

backbone.maintain(); // this process takes its turns at trimming, although it runs no component

for (const price of ["1", "2", "3"]) await backbone.publish(prices, { symbol: "AAPL", price });
try {
  await backbone.publish(prices, { symbol: "AAPL", price: "4" });
} catch (error) {
  if (!(error instanceof PublishError)) throw error;
  console.log(error.outcome, error.message);
}
// #endregion retention
