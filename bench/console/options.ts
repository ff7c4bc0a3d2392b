/** The command line of the console's benchmark. */

import { Command, InvalidArgumentError } from "commander";
import { usageExitCode } from "../../src/service/exit-code.ts";
import { positiveNumber } from "../../src/service/option-parsers.ts";
import { type PartName, partNames } from "./part-names.ts";
import { readConsoleRecord } from "./record.ts";

export interface ConsoleBenchOptions {
  readonly only: readonly PartName[];
  /** Entries of the log before anything is measured. */
  readonly entries: number;
  /** Pairs of rounds with and without an open console. */
  readonly rounds: number;
  /** Simulated time before a page, minutes. */
  readonly minutes: number;
  readonly json?: string;
}

/** Parses `argv`, in the form of `process.argv`. Ends the process on `--help` and on errors, or throws where `onExit` is given. */
export function parseConsoleOptions(argv: readonly string[], onExit?: (error: Error) => never): ConsoleBenchOptions {
  const program = new Command("npm run bench:console --")
    .description("Measures the console by driving its page in a real Chromium, beside a Redis of its own.")
    .option("--only <parts>", `some parts, separated by commas: ${partNames.join(", ")}`, named, partNames)
    .option("--entries <n>", "entries of the log before anything is measured", positiveNumber, 1_000_000)
    .option("--rounds <n>", "pairs of rounds with and without an open console", positiveNumber, 5)
    .option("--minutes <n>", "simulated time before a page", positiveNumber, 60)
    .option("--json <file>", "add the figures to a record; of parts that are not run it keeps what it has", record)
    .allowExcessArguments(false);
  if (onExit !== undefined) program.exitOverride(onExit).configureOutput({ writeErr: () => undefined });
  else program.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : usageExitCode));
  return program.parse([...argv]).opts<ConsoleBenchOptions>();
}

function named(names: string): readonly PartName[] {
  return names.split(",").map((name) => {
    const part = partNames.find((one) => one === name.trim());
    if (part === undefined) throw new InvalidArgumentError(`There is no part "${name.trim()}".`);
    return part;
  });
}

function record(file: string): string {
  try {
    readConsoleRecord(file);
    return file;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
