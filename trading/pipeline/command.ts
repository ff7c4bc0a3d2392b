/**
 * The command line of `npm start`: runs the whole order pipeline. Exit codes: 0 quantity is conserved and nothing is open; 1 it is not; 2
 * called wrongly.
 */

import { startTelemetry } from "throughline/telemetry";

// Telemetry comes first, so that it can instrument later imports.

import { writeFile } from "node:fs/promises";
import { Command, CommanderError, Option } from "commander";
import { ConfigError, ThroughlineError } from "throughline";
import { endUnforeseen, endWhenDone, print, say, terminalWidth, usageLine } from "throughline/cli";
import { hostList, portNumber, share, stopSignal, usageExitCode } from "throughline/service";
import { orderFileFormats } from "../domain/index.ts";
import type { PipelineOptions } from "./options.ts";
import { runPipeline } from "./pipeline.ts";
import { openProgress } from "./progress.ts";
import { quiet } from "./quiet-log.ts";
import { printSummary } from "./summary-text.ts";

const program = new Command("npm start --")
  .description("Runs the order pipeline on a private Redis, or on the one that REDIS_URL names, and shows what it did.")
  .option("--orders <file>", "orders to feed, one a line (default: the sample; none with --serve)")
  .addOption(
    new Option("--format <format>", "the file's format; told from its content unless given").choices(orderFileFormats),
  )
  .option("--symbol <symbol>", "of orders whose lines name none; LOBSTER files have it in their name")
  .option("--report <file>", "write the summary as JSON")
  .option("--data <directory>", "where the private Redis and the venue keep their data (default: .throughline/)")
  .option("--cluster", "make a private cluster of three primaries, with twelve partitions", false)
  .option("--fresh", "start with an empty log", false)
  .option("--serve", "go on, taking orders over WebSocket, until Ctrl-C", false)
  .option("--host <address>", "where --serve listens (default: 127.0.0.1)")
  .option("--port <port>", "where --serve listens, 0 for a free port (default: 8080)", portNumber)
  .option(
    "--allowed-hosts <hosts>",
    "what clients reach --serve by beside its own addresses, with commas between",
    hostList,
  )
  .option("--console-port <port>", "where --serve has the console (default: 8090, or a free port)", portNumber)
  .option("--allow-actions", "let the console of --serve redrive and purge dead letters, and replay")
  .option("--namespace <name>", "the backbone's namespace", "trading")
  .option("--seed <text>", "what the simulated exchange's fills are drawn from", "1")
  .option("--reject-rate <share>", "share of the exchange orders that it rejects, 0 to 1", share, 0)
  .allowExcessArguments(false)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(usageLine(text)) });

async function main(options: PipelineOptions): Promise<number> {
  await using telemetry = await startTelemetry({ serviceName: "trading-pipeline" });
  using progress = openProgress(process.stderr);
  const { summary, journey } = await runPipeline(options, {
    env: process.env,
    log: options.serve ? telemetry.log : quiet(telemetry.log),
    progress,
    signal: stopSignal(() => progress.say("Finishing what is in the pipeline; a second Ctrl-C ends at once.")),
    width: Math.min(terminalWidth(), 160),
  });
  progress[Symbol.dispose]();
  if (journey !== undefined) await print(`\n${journey}\n`);
  await print(printSummary(summary));
  if (options.report !== undefined) await writeFile(options.report, `${JSON.stringify(summary, undefined, 2)}\n`);
  return summary.ok ? 0 : 1;
}

endWhenDone();
try {
  process.exitCode = await main(program.parse().opts<PipelineOptions>());
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
  else if (error instanceof ThroughlineError) {
    say(error.message);
    process.exitCode = error instanceof ConfigError ? usageExitCode : 1;
  } else if (error instanceof Error && error.name === "AbortError") {
    say("Ended before Redis was there.");
    process.exitCode = 1;
  } else endUnforeseen(error);
}
