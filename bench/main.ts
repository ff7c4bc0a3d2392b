/** `npm run bench`: contenders in turn against one private Redis; prints medians, spread and ratios. Exit code 0 whatever they are. */

import { writeFile } from "node:fs/promises";
import { Command, InvalidArgumentError } from "commander";
import { Redis } from "ioredis";
import { startPrivateRedis } from "../src/redis/private-server.ts";
import { Hosts } from "./contenders.ts";
import { describeMachine } from "./machine.ts";
import { chart } from "./report/chart.ts";
import { machineText, resultText } from "./report/table.ts";
import { runScenario } from "./rounds.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { evaluate, type Result } from "./statistics.ts";

interface Options {
  readonly quick: boolean;
  readonly only: readonly Scenario[];
  readonly json?: string;
  readonly svg?: string;
  readonly cpuProf?: string;
}

const program = new Command("npm run bench --")
  .description("Measures Throughline against what one would use instead, on a Redis of its own.")
  .option("--quick", "three rounds instead of five", false)
  .option(
    "--only <names>",
    `scenarios, separated by commas: ${scenarios.map(({ name }) => name).join(", ")}`,
    named,
    scenarios,
  )
  .option("--json <file>", "write every figure as JSON")
  .option("--svg <file>", "write a bar chart")
  .option("--cpu-prof <directory>", "write a CPU profile of each contender's process")
  .allowExcessArguments(false);

function named(names: string): readonly Scenario[] {
  return names.split(",").map((name) => {
    const scenario = scenarios.find((one) => one.name === name.trim());
    if (scenario === undefined) throw new InvalidArgumentError(`There is no scenario "${name}".`);
    return scenario;
  });
}

const { quick, only, json, svg, cpuProf } = program.parse().opts<Options>();
await using server = await startPrivateRedis({ say: console.error });
const admin = new Redis(server.url);
await admin.config("SET", "auto-aof-rewrite-percentage", "0");
const machine = describeMachine(server.description);
console.log(`${machineText(machine)}\n`);

const results: Result[] = [];
const profile = cpuProf === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${cpuProf}`];
for (const scenario of only) {
  // Processes of its own: a scenario's figures do not depend on what ran before it.
  await using hosts = new Hosts(server.url, profile);
  const samples = await runScenario(scenario, quick ? 3 : 5, hosts, admin, () => {
    if (process.stderr.isTTY) process.stderr.write(".");
  });
  if (process.stderr.isTTY) process.stderr.write("\n");
  const result = evaluate(scenario, samples);
  results.push(result);
  console.log(`${resultText(result)}\n`);
}
await admin.quit();
if (json !== undefined) await writeFile(json, `${JSON.stringify({ machine, results }, undefined, 2)}\n`);
if (svg !== undefined) await writeFile(svg, chart(results, machine));
