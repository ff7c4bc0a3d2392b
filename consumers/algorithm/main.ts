/** Runs the Algorithm as a process. */

import { startTelemetry } from "throughline/telemetry";

// Telemetry comes first, so that it can instrument later imports.

import { Option } from "commander";
import { positiveNumber, runProcess } from "throughline/service";
import { tradingPartitions } from "../../trading/domain/index.ts";
import { createAlgorithm } from "./algorithm.ts";

await runProcess<{ maxSliceQuantity: number; exchange: string }>({
  telemetry: startTelemetry,
  namespace: "trading",
  partitions: tradingPartitions,
  name: "algorithm",
  description: "Nets and slices client orders into exchange orders, and allocates fills to client orders.",
  options: [
    new Option("--max-slice-quantity <n>", "larger orders are sliced into parts of this quantity")
      .env("MAX_SLICE_QUANTITY")
      .default(1_000)
      .argParser(positiveNumber),
    new Option("--exchange <venue>", "the venue that its exchange orders are for").env("EXCHANGE").default("simulated"),
  ],
  run: ({ backbone, component, options, signal }) => createAlgorithm(backbone, { ...options, component }).run(signal),
});
