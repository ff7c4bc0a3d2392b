/** Writes to standard output as fast as its reader takes it. */

import { once } from "node:events";

/** Writes text and a line's end. Waits while the reader is behind. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, "drain");
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
