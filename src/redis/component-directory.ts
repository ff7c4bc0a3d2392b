/** Components as the namespace describes them, and whether members of one live: asked before one begins under its name. */

import type { Connection } from "./client/connection.ts";
import { isDenied } from "./client/run-script.ts";
import type { Keys } from "./keys.ts";

/** A member that was silent for longer does not live, ms: as long as another waits by default before it takes over. */
const livesMs = 15_000;

/**
 * The channels with which the component was started last, where a member of it lives in any process; undefined where none does, or
 * nobody has described it, and for a user who may not look. Waits while Redis is away. Throws the signal's reason when that aborts.
 */
export async function runningChannels(
  connection: Connection,
  keys: Keys,
  component: string,
  signal?: AbortSignal,
): Promise<readonly string[] | undefined> {
  const { client } = connection;
  try {
    return await connection.repeat(async () => {
      const [described, [seconds = 0, micros = 0], members] = await Promise.all([
        client.hget(keys.meta(), `component:${component}`),
        client.time(),
        client.zrange(keys.members(0, component), "0", "-1", "WITHSCORES"),
      ]);
      const now = Number(seconds) * 1_000 + Number(micros) / 1_000;
      const lives = members.some((seenAt, i) => i % 2 === 1 && now - Number(seenAt) < livesMs);
      return lives && described !== null ? described.split(",") : undefined;
    }, signal);
  } catch (error) {
    if (isDenied(error) || /^WRONGTYPE/.test(String((error as Error).message))) return undefined; // joining tells it
    throw error;
  }
}
