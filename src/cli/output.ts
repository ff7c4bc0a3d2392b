/** What the commands print: nothing leaves them by another way, so that no text of somebody else steers the terminal. */

import { once } from "node:events";
import { errorText, escaped, escapedLines } from "../model/safe-text.ts";

/** Writes text, or JSON, and a line's end to standard output. Waits while the reader is behind. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(`${escapedLines(text)}\n`)) await once(process.stdout, "drain");
}

/** The same where nothing can be waited for. */
export function printNow(text: string): void {
  process.stdout.write(`${escapedLines(text)}\n`);
}

/** Writes one line for the person, beside what was asked for: to standard error. */
export function say(line: string): void {
  sayLines(escaped(line));
}

/** Several lines, whose texts their renderer has escaped. */
export function sayLines(text: string): void {
  process.stderr.write(`${escapedLines(text)}\n`);
}

/** Says what nobody has foreseen, with its stack, and ends the process as failed, whatever it still has open. */
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

/** Of the terminal; wide where the output goes to a file or another program. */
export function terminalWidth(): number {
  return process.stdout.columns ?? 1_000;
}
