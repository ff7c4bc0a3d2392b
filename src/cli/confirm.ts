/** Asks a person before a deed that cannot be undone. */

import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { usageExitCode } from "../service/exit-code.ts";
import { sayLines } from "./output.ts";
import { surroundings } from "./surroundings.ts";

/**
 * Asks the person, and resolves with the answer. `deed` begins with a verb: "purge 3 dead letters". Ends the process
 * where nobody can be asked.
 * @param details the deed's objects, shown before the question; their texts are escaped
 */
export async function isConfirmed(command: Command, deed: string, details: string): Promise<boolean> {
  const { stdin, stderr } = surroundings();
  if (!stdin.isTTY || !stderr.isTTY) {
    command.error(`error: this would ${deed}: add --yes, or look first with --dry-run`, { exitCode: usageExitCode });
  }
  sayLines(details);
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await terminal.question(`${deed[0]?.toUpperCase()}${deed.slice(1)}? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
