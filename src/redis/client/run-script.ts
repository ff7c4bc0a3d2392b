/** Runs a script once by its digest, outside of any outbox: the server is given it where it does not have it. */

import type { Script } from "../store/scripts.ts";
import { type Connection, isScriptMissing } from "./connection.ts";

/** Rejects as the command does, with a lost connection's error too: whoever repeats it sees to it that it may run twice. */
export async function runScript(
  connection: Connection,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const run = (): Promise<unknown> => connection.client.evalsha(script.sha, keys.length, ...keys, ...args);
  try {
    return await run();
  } catch (error) {
    if (!isScriptMissing(error)) throw error;
    await connection.load(script);
    return run();
  }
}

/** A user without a right, at a command of its own or in a script, in the words of all the servers. */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && isDenial(error.message);
}

export function isDenial(text: string): boolean {
  return /NOPERM|user executing the script can't|ACL failure in script/.test(text);
}
