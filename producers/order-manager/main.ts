/** Runs the Order Manager as a process: gateway, records, and optionally a file of orders. */

import { startTelemetry } from "throughline/telemetry";

// Telemetry comes first, so that it can instrument later imports.

import { stat } from "node:fs/promises";
import { Option } from "commander";
import { type Backbone, ConfigError, type Log } from "throughline";
import { hostList, portNumber, runProcess } from "throughline/service";
import { type OrderFileFormat, orderFileFormats, tradingPartitions } from "../../trading/domain/index.ts";
import { startGateway } from "./gateway/gateway.ts";
import { placeFile } from "./intake.ts";
import { createOrderManager } from "./order-manager.ts";

interface Options {
  readonly host: string;
  readonly port: number;
  readonly allowedHosts: readonly string[];
  readonly orders?: string;
  readonly format?: OrderFileFormat;
  readonly symbol?: string;
}

await runProcess<Options>({
  telemetry: startTelemetry,
  namespace: "trading",
  partitions: tradingPartitions,
  name: "order-manager",
  description: "Takes client orders over WebSocket and from files, and keeps the record of each.",
  options: [
    new Option("--host <address>", "address of the gateway").env("HOST").default("127.0.0.1"),
    new Option("--port <port>", "port of the gateway, 0 for a free one")
      .env("PORT")
      .default(8_080)
      .argParser(portNumber),
    new Option(
      "--allowed-hosts <hosts>",
      "what clients reach the gateway by beside its own addresses, with commas between",
    )
      .env("ALLOWED_HOSTS")
      .default([], "none")
      .argParser(hostList),
    new Option("--orders <file>", "a file of orders to place once started"),
    new Option("--format <format>", "the file's format; told from its content unless given").choices(orderFileFormats),
    new Option("--symbol <symbol>", "of orders whose lines name none; LOBSTER files have it in their name"),
  ],
  check: async ({ orders, format, symbol }) => {
    if (orders === undefined && (format !== undefined || symbol !== undefined)) {
      throw new ConfigError("--format and --symbol describe a file: name it with --orders FILE");
    }
    if (orders === undefined) return;
    const found = await stat(orders).catch((cause: NodeJS.ErrnoException) => {
      throw new ConfigError(`there is no file of orders at ${orders} (${cause.code})`, { cause });
    });
    if (found.isDirectory()) throw new ConfigError(`${orders} is a directory: name a file of orders`);
  },
  run: async ({ backbone, component, log, options, signal }) => {
    const { host, port, allowedHosts } = options;
    await using gateway = await startGateway(backbone, { host, port, allowedHosts, signal, log }).catch(
      (error: unknown) => {
        if (!signal.aborted) throw error;
        return undefined;
      },
    );
    if (gateway === undefined) return; // told to end before Redis has answered
    log.info({ url: gateway.url }, "the gateway takes orders");
    // At once, and not after the drain: an order that comes during the drain could not be confirmed.
    signal.addEventListener("abort", () => void gateway[Symbol.asyncDispose](), { once: true });
    const placing = options.orders === undefined ? undefined : place(backbone, options.orders, options, log, signal);
    await Promise.all([createOrderManager(backbone, { component }).run(signal), placing]);
  },
});

async function place(
  backbone: Backbone,
  path: string,
  { format, symbol }: Pick<Options, "format" | "symbol">,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  try {
    const intake = await placeFile(backbone, path, {
      ...(format !== undefined && { format }),
      ...(symbol !== undefined && { symbol }),
      signal,
      onSkipped: (line, reason) => log.warn({ line, reason }, "skipped a line that is no order"),
      onRetry: (error) => log.warn({ reason: error.message }, "an order was not confirmed; placing it again"),
    });
    log.info({ ...intake }, "placed the orders of the file");
  } catch (error) {
    if (!signal.aborted) throw error;
    log.warn({ path }, "stopped before the end of the file; placing it again places nothing twice");
  }
}
