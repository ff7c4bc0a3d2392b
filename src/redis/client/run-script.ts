/** Runs a script once by its digest, outside of any outbox, and loads it where the server does not have it. */

import type { Script } from "../script-source.ts";
import type { Connection } from "./connection.ts";
import { isScriptMissing } from "./failures.ts";

/**
 * Runs the script at the node that has its keys; `repeatScript` waits for that. Rejects as the command does, also when the connection is lost: a caller that repeats it needs a
 * script that may run twice.
 */
export async function runScript(
  connection: Connection,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const there = connection.at(keys[0] ?? "");
  const run = (): Promise<unknown> => there.client.evalsha(script.sha, keys.length, ...keys, ...args);
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (!isScriptMissing(error) || tries === maxTries) throw error;
      await there.load(script);
    }
  }
}

/** Somebody may empty the server's cache again while a script is loaded. */
const maxTries = 5;

/** Runs a script that may run twice, until it is answered. @throws the server's own error reply */
export function repeatScript(
  connection: Connection,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
  signal?: AbortSignal,
): Promise<unknown> {
  return connection.at(keys[0] ?? "").repeat(() => runScript(connection, script, keys, args), signal);
}

/** True where a user lacks a right, for a command of its own or inside a script. Servers word it differently. */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && isDenial(error.message);
}

function isDenial(text: string): boolean {
  return /NOPERM|user executing the script can't|ACL failure in script/.test(text);
}
