/**
 * Prints for all commands. Nothing is printed by another way, so that no text of other people can steer the terminal.
 */

import { once } from "node:events";
import { errorText, escaped, escapedLines } from "../model/safe-text.ts";
import { surroundings } from "./surroundings.ts";

/** Writes text, or JSON, and a line's end to standard output. Waits while the reader is behind. */
export async function print(text: string): Promise<void> {
  const { stdout } = surroundings();
  if (!stdout.write(`${escapedLines(text)}\n`)) await once(stdout, "drain");
}

/** Does what `print` does, for a caller that cannot wait. */
export function printNow(text: string): void {
  surroundings().stdout.write(`${escapedLines(text)}\n`);
}

/** Writes one line for the person to standard error, beside the results. */
export function say(line: string): void {
  sayLines(escaped(line));
}

/** Writes several lines whose texts are escaped already to standard error. */
export function sayLines(text: string): void {
  surroundings().stderr.write(`${escapedLines(text)}\n`);
}

/** Prints an unforeseen error with its stack, and ends the process as failed, whatever it still has open. */
export function endUnforeseen(error: unknown): never {
  sayLines(errorText(error));
  process.exit(1);
}

/** Ends the process quietly when the reader has gone, as `head` does once it has its lines. */
export function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

/**
 * Ends the process as soon as nothing is open. Left to itself, Node 22 was seen to spin for ever in `Environment::CleanupHandles` after thousands of
 * connections had been cut, counting on a request of one of them; `exit` skips that.
 */
export function endWhenDone(): void {
  process.once("beforeExit", () => process.exit());
}

/** The terminal's width in columns; a large one where the output goes to a file or another program. */
export function terminalWidth(): number {
  return surroundings().stdout.columns ?? 1_000;
}
