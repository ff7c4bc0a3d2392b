/** `npm run venue`: runs the simulated venue as a process, until SIGTERM or SIGINT. Exit codes: 0 asked to end; 1 its disk failed; 2 called wrongly. */

import { Command, CommanderError, Option } from "commander";
import { ConfigError } from "throughline";
import { endUnforeseen, say, usageLine } from "throughline/cli";
import {
  createLineLog,
  portNumber,
  positiveNumber,
  share,
  stopSignal,
  usageExitCode,
  wholeNumber,
} from "throughline/service";
import { startVenue, type VenueOptions } from "./venue.ts";

const program = new Command("npm run venue --")
  .description(
    "Runs a simulated venue: it keeps a book for each symbol and a journal on disk, and reports over WebSocket.",
  )
  .addOption(
    new Option("--data <directory>", "where it keeps its journal").env("VENUE_DATA").default(".throughline/venue"),
  )
  .addOption(new Option("--name <name>", "what it says that it is").env("VENUE_NAME").default("simulated"))
  .addOption(new Option("--host <address>", "address to listen on").env("VENUE_HOST").default("127.0.0.1"))
  .addOption(
    new Option("--port <port>", "port to listen on, 0 for a free one")
      .env("VENUE_PORT")
      .default(9_470)
      .argParser(portNumber),
  )
  .addOption(new Option("--seed <text>", "what its market is drawn from").env("VENUE_SEED").default("1"))
  .addOption(
    new Option("--latency-ms <ms>", "from an order's arrival to its first fill from the market")
      .env("VENUE_LATENCY_MS")
      .default(5)
      .argParser(wholeNumber),
  )
  .addOption(
    new Option("--max-fills <n>", "most parts in which what rests is filled")
      .env("VENUE_MAX_FILLS")
      .default(3)
      .argParser(positiveNumber),
  )
  .addOption(
    new Option("--reject-rate <share>", "share of the orders that it rejects, 0 to 1")
      .env("VENUE_REJECT_RATE")
      .default(0)
      .argParser(share),
  )
  .addOption(
    new Option("--expire-after-ms <ms>", "time after which what rests expires; never unless given")
      .env("VENUE_EXPIRE_AFTER_MS")
      .argParser(positiveNumber),
  )
  .addOption(
    new Option("--heartbeat-ms <ms>", "interval of heartbeats")
      .env("VENUE_HEARTBEAT_MS")
      .default(1_000)
      .argParser(positiveNumber),
  )
  .addOption(new Option("--until-input-ends", "end when standard input does: with the process that has started it"))
  .allowExcessArguments(false)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(usageLine(text)) });

interface Options extends Omit<VenueOptions, "log" | "directory"> {
  readonly data: string;
  readonly untilInputEnds?: true;
}

async function main({ data: directory, untilInputEnds, ...options }: Options): Promise<void> {
  const log = createLineLog("venue", process.env);
  const signal = stopSignal((name) => log.info({ signal: name }, "the venue ends; a second signal ends it at once"));
  await using venue = await startVenue({ ...options, directory, log });
  log.info({ url: venue.url, data: directory, totals: venue.totals() }, "the venue takes orders");
  const stopped = new Promise<void>((done) => {
    signal.addEventListener("abort", () => done(), { once: true });
    if (untilInputEnds) process.stdin.resume().once("close", done);
  });
  if (!signal.aborted) await Promise.race([stopped, venue.failed]);
}

try {
  await main(program.parse().opts());
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
  else if (error instanceof ConfigError) {
    say(error.message);
    process.exitCode = usageExitCode;
  } else endUnforeseen(error);
}
