/** The command line of the benchmark. The files that it will write are checked first: a run takes most of an hour. */

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { messageOf } from "../src/model/error-message.ts";
import { usageExitCode } from "../src/service/exit-code.ts";
import { type ContenderName, contenders } from "./contenders.ts";
import { readRecord } from "./report/record.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios/index.ts";

export interface Options {
  readonly quick: boolean;
  readonly only: readonly Scenario[];
  readonly scale: number;
  /** A file of orders for the pipeline. */
  readonly orders?: string;
  readonly json?: string;
  readonly svg?: string;
  readonly cpuProf?: string;
}

type Given = Options & { readonly contenders?: readonly ContenderName[] };

const contenderNames = Object.keys(contenders) as ContenderName[];

/**
 * Parses `argv`, in the form of `process.argv`. On `--help` and on errors it ends the process, or throws where `onExit`
 * is given.
 */
export function parseOptions(argv: readonly string[], onExit?: (error: Error) => never): Options {
  const program = new Command("npm run bench --")
    .description("Measures Throughline against what one would use instead, on a Redis of its own.")
    .option("--quick", "three rounds instead of five", false)
    .addOption(
      new Option("--only <names>", `scenarios, separated by commas: ${scenarios.map(({ name }) => name).join(", ")}`)
        .argParser(named)
        .default(scenarios, "all"),
    )
    .option("--contenders <names>", `who takes part, separated by commas: ${contenderNames.join(", ")}`, contending)
    .option(
      "--scale <part>",
      "that part of each round's events, such as 0.1: to try something, not to measure",
      part,
      1,
    )
    .addOption(
      new Option("--orders <file>", "run the pipeline with the orders of this file instead of drawn ones")
        .argParser(readable)
        .conflicts(["json", "svg"]),
    )
    .option(
      "--json <file>",
      "write every figure as JSON; of scenarios that are not run, the file keeps what it has",
      record,
    )
    .option("--svg <file>", "write a bar chart", writable)
    .option("--cpu-prof <directory>", "write a CPU profile of each contender's process")
    .allowExcessArguments(false);
  if (onExit !== undefined) program.exitOverride(onExit).configureOutput({ writeErr: () => undefined });
  else program.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : usageExitCode));
  const { only, contenders: chosen, ...others } = program.parse([...argv]).opts<Given>();
  return { ...others, only: chosen === undefined ? only : only.map((scenario) => among(scenario, chosen)) };
}

/** The scenario with the chosen contenders' entrants only. */
function among(scenario: Scenario, chosen: readonly ContenderName[]): Scenario {
  return { ...scenario, entrants: scenario.entrants.filter(({ contender }) => chosen.includes(contender)) };
}

function contending(names: string): readonly ContenderName[] {
  return names.split(",").map((name) => {
    const contender = contenderNames.find((one) => one === name.trim());
    if (contender === undefined) throw new InvalidArgumentError(`There is no contender "${name.trim()}".`);
    return contender;
  });
}

function named(names: string): readonly Scenario[] {
  return names.split(",").map((name) => {
    const scenario = scenarios.find((one) => one.name === name.trim());
    if (scenario === undefined) throw new InvalidArgumentError(`There is no scenario "${name.trim()}".`);
    return scenario;
  });
}

function part(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError("It is a number above 0, at most 1.");
  return value;
}

function readable(file: string): string {
  try {
    accessSync(file, constants.R_OK);
    return file;
  } catch (error) {
    throw new InvalidArgumentError(`It cannot be read: ${messageOf(error)}.`);
  }
}

function writable(file: string): string {
  try {
    const exists = existsSync(file);
    if (exists && !statSync(file).isFile()) throw new Error("it is no file");
    accessSync(exists ? file : dirname(file), constants.W_OK);
    return file;
  } catch (error) {
    throw new InvalidArgumentError(`It cannot be written: ${messageOf(error)}.`);
  }
}

function record(file: string): string {
  writable(file);
  try {
    readRecord(file);
    return file;
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}
