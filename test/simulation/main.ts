/**
 * `npm run simulate -- --seeds A..B [--processes N]`, or `--seed N` for one history with all that happens in it; `--of sources` for those of a
 * source. Exit codes: 0 clean; 1 one fails; 2 called wrongly.
 */

import { spawn } from "node:child_process";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { usageExitCode } from "../../src/service/exit-code.ts";
import { positiveNumber } from "../../src/service/option-parsers.ts";
import { bothDigests, noDigest } from "./digest.ts";
import { runSeeds, type SeedsReport } from "./run-seeds.ts";
import { shrink } from "./shrink.ts";
import { type AnyPlan, type Simulation, type SimulationName, simulationOf } from "./simulation.ts";

interface Options {
  readonly seeds: readonly [first: number, last: number];
  readonly seed?: number;
  readonly of: SimulationName;
  readonly processes: number;
  readonly json: boolean;
}

const program = new Command("npm run simulate --")
  .description("Runs histories on virtual time, each drawn from its seed, and checks what must hold at each step.")
  .addOption(
    new Option("--seeds <A..B>", "the histories of these seeds").argParser(rangeOf).default([1, 1_000], "1..1000"),
  )
  .option("--seed <n>", "one history, with all that happens in it", positiveNumber)
  .addOption(new Option("--of <name>", "what it is of").choices(["components", "sources"]).default("components"))
  .option("--processes <n>", "processes that share the seeds", positiveNumber, 1)
  // How the processes tell the one that has started them.
  .addOption(new Option("--json").default(false).hideHelp())
  .allowExcessArguments(false)
  .exitOverride();

function rangeOf(text: string): readonly [number, number] {
  const [, from = "", to = ""] = /^(\d{1,15})\.\.(\d{1,15})$/.exec(text) ?? [];
  if (from === "" || Number(to) < Number(from)) throw new InvalidArgumentError("It must be a range such as 1..1000.");
  return [Number(from), Number(to)];
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The plan on one line, but for its lists: a line for each thing in them. */
function describe(plan: AnyPlan): readonly string[] {
  const parts = Object.entries(plan);
  const lists = parts.flatMap(([name, value]) => (Array.isArray(value) ? value.map((one) => [name, one]) : []));
  return [
    JSON.stringify(Object.fromEntries(parts.filter(([, value]) => !Array.isArray(value)))),
    ...lists.map(([name, one]) => `  ${name} ${JSON.stringify(one)}`),
  ];
}

async function showOne({ planOf, run }: Simulation, seed: number): Promise<boolean> {
  const plan = planOf(seed);
  for (const line of describe(plan)) say(line);
  const { lines, steps, violations } = await run(plan, true);
  for (const line of lines) say(line);
  say(`seed ${seed}: ${steps} steps, ${violations.length === 0 ? "nothing violated" : violations.join("; ")}`);
  return violations.length === 0;
}

async function showFailure(of: string, { failed }: SeedsReport): Promise<void> {
  if (failed === undefined) return;
  const { plan, outcome } = failed;
  say(`seed ${plan.seed} violates: ${outcome.violations.join("; ")}`);
  say(`again: npm run simulate -- --of ${of} --seed ${plan.seed}`);
  const simulation = simulationOf(of);
  const smaller = await shrink(simulation, plan);
  say(`smaller, it violates ${(await simulation.run(smaller)).violations.join("; ")} with`);
  for (const line of describe(smaller)) say(line);
}

/** A history leaves little behind: what is collected seldom is nearly all gone by then, and other threads are busy with other histories. */
const nodeFlags = ["--single-threaded-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"];

/** Runs a part of the seeds in a process of its own, which says how far it is, and prints its own failures. */
function runElsewhere(of: string, first: number, last: number): Promise<SeedsReport | undefined> {
  const child = spawn(
    process.execPath,
    [...nodeFlags, ...process.execArgv, import.meta.filename, "--of", of, "--seeds", `${first}..${last}`, "--json"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk;
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      const lines = text.trimEnd().split("\n");
      const report = lines.pop() ?? "";
      for (const line of lines) say(line);
      if (report.startsWith("{")) return resolve(JSON.parse(report) as SeedsReport);
      say(`the process of seeds ${first}..${last} ended without a report (${signal ?? `exit code ${code}`})`);
      resolve(undefined);
    });
  });
}

async function main({ seeds: [first, last], seed, of, processes, json }: Options): Promise<boolean> {
  const simulation = simulationOf(of);
  if (seed !== undefined) return await showOne(simulation, seed);
  if (json) {
    const report = await runSeeds(simulation, first, last, (histories) => {
      if (histories % 10_000 === 0) process.stderr.write(`${histories} histories\n`);
    });
    await showFailure(of, report);
    say(JSON.stringify(report));
    return report.failed === undefined;
  }
  const beganAt = performance.now();
  const size = Math.ceil((last - first + 1) / processes);
  const starts = Array.from({ length: processes }, (_, i) => first + i * size).filter((start) => start <= last);
  const reports = await Promise.all(starts.map((start) => runElsewhere(of, start, Math.min(last, start + size - 1))));
  const known = reports.filter((one) => one !== undefined);
  if (known.length === 0) return false;
  const histories = known.reduce((sum, one) => sum + one.histories, 0);
  const steps = known.reduce((sum, one) => sum + one.steps, 0);
  const leastSteps = Math.min(...known.map((one) => one.leastSteps));
  const digest = known.map((one) => one.digest).reduce(bothDigests, noDigest);
  const isClean = known.length === reports.length && known.every(({ failed }) => failed === undefined);
  const seconds = ((performance.now() - beganAt) / 1_000).toFixed(0);
  say(
    `${histories} histories of ${Math.round(steps / histories)} steps (least ${leastSteps}), digest ${digest}, in ${seconds} s: ${isClean ? "clean" : "FAILED"}`,
  );
  return isClean;
}

try {
  process.exitCode = (await main(program.parse().opts<Options>())) ? 0 : 1;
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
}
