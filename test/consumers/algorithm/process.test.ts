/** The Algorithm as a process: its exchange orders name the venue that it is told. */

import * as assert from "uvu/assert";
import { placeOrder } from "../../../producers/order-manager/index.ts";
import { exchangeOrders, tradingPartitions } from "../../../trading/domain/index.ts";
import { open } from "../../support/backbone.ts";
import { startProcess } from "../../support/process.ts";
import { redisUrl } from "../../support/redis.ts";
import { test } from "../../support/test.ts";

test("its exchange orders are for the venue that --exchange names, and for the simulated one unless told", async () => {
  for (const [args, venue] of [
    [["--exchange", "other"], "other"],
    [[], "simulated"],
  ] as const) {
    await using opened = await open({ partitions: tradingPartitions });
    const { backbone } = opened;
    const env = { REDIS_URL: redisUrl(), NAMESPACE: backbone.namespace, LOG_LEVEL: "info" };
    await using process = startProcess("consumers/algorithm/main.ts", args, { env });
    await process.line('"joined"');
    const order = {
      userId: "ann",
      symbol: "MSFT",
      side: "buy",
      price: "1.5",
      quantity: 5,
      orderType: "limit",
    } as const;
    await placeOrder(backbone, { id: "o-1", ...order });
    for await (const { payload } of backbone.read(exchangeOrders, { follow: true })) {
      assert.is(payload?.exchange, venue);
      break;
    }
  }
});
