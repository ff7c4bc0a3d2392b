/** `npm run soak`. Exit codes: 0 clean; 1 not so, or its venue has gone; 2 called wrongly. */

import { randomInt } from "node:crypto";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { ConfigError } from "../../src/index.ts";
import { stopSignal } from "../../src/service/stop-signal.ts";
import { tradingPartitions } from "../../trading/domain/index.ts";
import { VenueAwayError } from "../trading/venue/venue-process.ts";
import { keepEvidence, renderReport, replayLine } from "./report.ts";
import { clusterPartitions, membersOfEach } from "./schedule.ts";
import { type SoakOptions, soak } from "./soak.ts";

const program = new Command("npm run soak --")
  .description(
    `Runs the trading pipeline as ${membersOfEach} processes of each component on a private Redis with ${tradingPartitions} partitions (a cluster: ${clusterPartitions}), breaks something every few seconds, and checks that nothing is lost and nothing happens twice.`,
  )
  .option("--minutes <n>", "how long things are broken", minutesOf, 5)
  .option("--seed <text>", "what the faults and the orders are drawn from (default: a new one)", seedOf)
  .option("--rate <n>", "orders a second", rateOf, 40)
  .addOption(
    new Option(
      "--appendfsync <policy>",
      "of Redis; with everysec, what a killed Redis has lost is told from what we lost",
    )
      .choices(["always", "everysec"])
      .default("always"),
  )
  .option(
    "--slow-fsync",
    "with everysec: Redis's fsyncs stall, so that kills do lose something (needs a C compiler)",
    false,
  )
  .option(
    "--cluster",
    "on three primaries with a replica each: a failover or a moving slot every 20 s, members killed in between",
    false,
  )
  .option(
    "--confirmed",
    "with --cluster: a write is acknowledged when the replica has it, so that a killed primary loses nothing at all",
    false,
  )
  .option(
    "--stale-replicas",
    "with --cluster: a replica misses what a primary writes just before it is killed, so that a failover does lose something",
    false,
  )
  .allowExcessArguments(false)
  .exitOverride();

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && minutes > 0 && minutes <= 10_000) return minutes;
  throw new InvalidArgumentError("It must be a number of minutes above 0.");
}

function seedOf(text: string): string {
  if (/^[\w.-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be 1 to 64 letters, digits, dots, dashes.");
}

function rateOf(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 1 to 9999.");
}

/** Said at the first signal, which ends the faults; what is in the pipeline is finished and checked. */
const endingEarly = "Ending early; checking what there is. A second Ctrl-C ends at once.";

async function main(given: Omit<SoakOptions, "seed"> & { readonly seed?: string }): Promise<number> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  if (given.slowFsync && given.appendfsync === "always")
    program.error("error: --slow-fsync goes with --appendfsync everysec");
  if (given.cluster && given.slowFsync) program.error("error: --slow-fsync goes with one server, not with --cluster");
  if (given.confirmed && !given.cluster) program.error("error: --confirmed needs replicas: it goes with --cluster");
  if (given.staleReplicas && !given.cluster)
    program.error("error: --stale-replicas needs replicas: it goes with --cluster");
  if (given.staleReplicas && given.confirmed)
    program.error("error: --confirmed acknowledges nothing that a replica misses: it goes without --stale-replicas");
  const options = { ...given, seed: given.seed ?? String(randomInt(1_000_000_000)) };
  say(`replay: ${replayLine(options)}`);
  const result = await soak(options, { say, signal: stopSignal(() => say(endingEarly)) });
  const isClean = result.breaches.length === 0;
  say(renderReport(result, options, isClean ? undefined : await keepEvidence(result)));
  return isClean ? 0 : 1;
}

try {
  process.exitCode = await main(program.parse().opts());
} catch (error) {
  const isKnown = error instanceof ConfigError || error instanceof VenueAwayError;
  if (isKnown) process.stderr.write(`error: ${error.message}\n`);
  else if (!(error instanceof CommanderError)) throw error;
  if (error instanceof VenueAwayError) process.exitCode = 1;
  else process.exitCode = error instanceof CommanderError && error.exitCode === 0 ? 0 : 2;
}
