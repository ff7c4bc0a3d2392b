/** Guards a command that writes into a live namespace: it takes `--live`, and a yes. */

import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { escaped } from "../model/safe-text.ts";
import { usageExitCode } from "../service/exit-code.ts";
import { surroundings } from "./surroundings.ts";

/**
 * Asks before the write. Ends the process with one line without `--live`, and without `--yes` where nobody can be
 * asked.
 */
export async function mayWriteLive(
  command: Command,
  what: string,
  { live, yes }: { readonly live?: true; readonly yes?: true },
): Promise<boolean> {
  if (live !== true) {
    command.error(`error: ${what} Say --live if that is meant, or choose another --namespace`, {
      exitCode: usageExitCode,
    });
  }
  if (yes === true) return true;
  const { stdin, stderr } = surroundings();
  if (!stdin.isTTY) {
    command.error("error: nobody can be asked here: say --yes as well", { exitCode: usageExitCode });
  }
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(escaped(`${what} Go on? [y/N] `))).trim());
  } finally {
    terminal.close();
  }
}
