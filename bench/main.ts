/**
 * `npm run bench`: measures contenders in turn against one private Redis; prints medians, spread and ratios. Exit code
 * 0 whatever the figures are.
 */

import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { Redis } from "ioredis";
import { ConfigError } from "../src/index.ts";
import { startPrivateRedis } from "../src/local-redis/private-server.ts";
import { usageExitCode } from "../src/service/exit-code.ts";
import { orderFileVariable, readOrderFile } from "./contenders/pipeline/orders.ts";
import { Hosts } from "./hosts.ts";
import { describeMachine } from "./machine.ts";
import { parseOptions } from "./options.ts";
import { chart } from "./report/chart.ts";
import { added, readRecord } from "./report/record.ts";
import { machineText, resultText } from "./report/table.ts";
import { runScenario } from "./rounds.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios/index.ts";
import { evaluate, type Result } from "./statistics.ts";

const { quick, only: chosen, scale, orders, json, svg, cpuProf } = parseOptions(process.argv);
const only = orders === undefined ? chosen : await withOrders(chosen, orders).catch(refused);
await using server = await startPrivateRedis({ say: console.error });
const admin = new Redis(server.url);
await admin.config("SET", "auto-aof-rewrite-percentage", "0");
const machine = describeMachine(server.description);
console.log(`${machineText(machine)}\n`);

const results: Result[] = [];
const profile = cpuProf === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${cpuProf}`];
for (const scenario of only.filter(({ entrants }) => entrants.length > 0)) {
  // Each scenario has processes of its own: its figures do not depend on earlier ones.
  await using hosts = new Hosts(server.url, profile);
  const { samples, absent } = await runScenario(scenario, { rounds: quick ? 3 : 5, scale }, hosts, admin, () => {
    if (process.stderr.isTTY) process.stderr.write(".");
  });
  if (process.stderr.isTTY) process.stderr.write("\n");
  const result = evaluate(scenario, samples, { scale, absent });
  results.push(result);
  console.log(`${resultText(result)}\n`);
}
await admin.quit();

// Read only now, so that a run of some scenarios keeps the figures of the others, also those of a run beside it.
const earlier = json === undefined ? undefined : readRecord(json);
const record = added(
  earlier,
  { machine, results },
  scenarios.map(({ name }) => name),
);
if (json !== undefined) await writeFile(json, `${JSON.stringify(record, undefined, 2)}\n`);
if (svg !== undefined) await writeFile(svg, chart(record));

/** What is wrong with a file is a sentence, as what is wrong with an option is. */
function refused(error: unknown): never {
  if (!(error instanceof ConfigError)) throw error;
  console.error(`error: ${error.message}`);
  process.exit(usageExitCode);
}

/** The pipeline with each order of the file once a round, by every contender. */
async function withOrders(chosen: readonly Scenario[], file: string): Promise<readonly Scenario[]> {
  const { length: count } = await readOrderFile(file);
  process.env[orderFileVariable] = file; // the contenders' processes inherit it
  return chosen.map((scenario) =>
    scenario.work !== "pipeline"
      ? scenario
      : {
          ...scenario,
          title: `${scenario.title}; ${count} orders of ${basename(file)}`,
          entrants: scenario.entrants.map((entrant) => ({ ...entrant, count })),
        },
  );
}
