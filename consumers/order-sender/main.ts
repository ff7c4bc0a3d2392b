/** Runs the Order Sender as a process, with the simulated exchange. */

import { startTelemetry } from "throughline/telemetry";

// Telemetry comes first, so that it can instrument later imports.

import { Option } from "commander";
import { positiveNumber, runProcess, share, wholeNumber } from "throughline/service";
import { tradingPartitions } from "../../trading/domain/index.ts";
import { openRedisBook } from "../../trading/venue/redis-book.ts";
import { createSimulatedExchange } from "../../trading/venue/simulated-exchange.ts";
import { createOrderSender } from "./order-sender.ts";

await runProcess<{ seed: string; maxLatencyMs: number; maxFills: number; rejectRate: number }>({
  telemetry: startTelemetry,
  namespace: "trading",
  partitions: tradingPartitions,
  name: "order-sender",
  description: "Sends exchange orders to the simulated exchange and publishes its reports.",
  options: [
    new Option("--seed <text>", "what the exchange's fills are drawn from").env("EXCHANGE_SEED").default("1"),
    new Option("--max-latency-ms <ms>", "longest time that the exchange takes for an order")
      .env("EXCHANGE_MAX_LATENCY_MS")
      .default(5)
      .argParser(wholeNumber),
    new Option("--max-fills <n>", "most fills of an order")
      .env("EXCHANGE_MAX_FILLS")
      .default(3)
      .argParser(positiveNumber),
    new Option("--reject-rate <share>", "share of the orders that are rejected, 0 to 1")
      .env("EXCHANGE_REJECT_RATE")
      .default(0)
      .argParser(share),
  ],
  run: async ({ backbone, component, options, servers, redisTls, namespace, signal }) => {
    await using book = openRedisBook(servers, namespace, redisTls);
    await createOrderSender(backbone, createSimulatedExchange(book, options), { component }).run(signal);
  },
});
