/** Runs the Order Sender as a process, with sessions to the venues that it is given. */

import { startTelemetry } from "throughline/telemetry";

// Telemetry comes first, so that it can instrument later imports.

import { Option } from "commander";
import { runProcess } from "throughline/service";
import { tradingPartitions } from "../../trading/domain/index.ts";
import { createOrderSender } from "./order-sender.ts";
import { venueList } from "./venues.ts";

await runProcess<{ venues: string }>({
  telemetry: startTelemetry,
  namespace: "trading",
  partitions: tradingPartitions,
  name: "order-sender",
  description: "Sends exchange orders to venues, and publishes what these report.",
  options: [
    new Option("--venues <list>", "NAME=ws://HOST:PORT, with commas between")
      .env("VENUES")
      .default("simulated=ws://127.0.0.1:9470"),
  ],
  check: ({ venues }) => void venueList(venues),
  run: async ({ backbone, component, log, options, signal }) => {
    await using sender = createOrderSender(backbone, { venues: venueList(options.venues), component, log });
    await sender.run(signal);
  },
});
