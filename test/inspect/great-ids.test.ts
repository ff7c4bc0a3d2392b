/** A log whose entry ids are greater than a number holds exactly: its stories are told as any others. */

import * as assert from "uvu/assert";
import { openObserver } from "../../src/composition/observer.ts";
import { walkJourney } from "../../src/inspect/journey-tree.ts";
import { test } from "../support/test.ts";
import { HandWritten } from "./hand-written.ts";

test("a story is found by its event, its entry and its attribute where ids are nanoseconds, or the greatest there are", async () => {
  for (const ms of ["1796025081227123457", "18446744073709551615"]) {
    await using log = new HandWritten();
    await log.describe(["orders", "fills"], { algorithm: "orders" });
    await log.append("orders", { id: "order-a", baggage: "order.id=a" }, `${ms}-1`);
    await log.append("fills", { id: "fill-a", causes: ["order-a"] }, `${ms}-2`);
    await log.group("orders", "algorithm");
    await log.settle("orders", "algorithm", 1);
    await using observer = openObserver(log);
    for (const query of ["order-a", "fill-a", `orders/${ms}-1`, "order.id=a"]) {
      const journey = await observer.journey(query);
      assert.equal(
        [...walkJourney(journey)].map(({ node }) => node.event.id),
        ["order-a", "fill-a"],
        query,
      );
    }
  }
});
