/**
 * `npm run simulate -- --seeds A..B [--processes N]`, or `--seed N` for one history with all that happens in it; `--of sources` for those of a
 * source. Ends with 1 when one fails.
 */

import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { bothDigests, noDigest } from "./digest.ts";
import { runSeeds, type SeedsReport } from "./run-seeds.ts";
import { shrink } from "./shrink.ts";
import { type AnyPlan, type Simulation, simulationOf } from "./simulation.ts";

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

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "1..1000" },
      seed: { type: "string" },
      of: { type: "string", default: "components" },
      processes: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
    },
  });
  const { of } = values;
  const simulation = simulationOf(of);
  if (values.seed !== undefined) return await showOne(simulation, Number(values.seed));
  const [, from = "", to = ""] = /^(\d+)\.\.(\d+)$/.exec(values.seeds) ?? [];
  const [first, last, processes] = [Number(from), Number(to), Number(values.processes)];
  if (from === "" || last < first || !(processes >= 1))
    throw new Error("--seeds takes a range such as 1..1000, --processes a number from 1");
  if (values.json) {
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

process.exitCode = (await main()) ? 0 : 1;
