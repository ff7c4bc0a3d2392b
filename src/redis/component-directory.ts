/** Components as the namespace describes them, and whether members of one live: asked before one begins under its name. */

import { isLiving, memberLivesMs } from "../model/liveness.ts";
import type { Connection } from "./client/connection.ts";
import { isDenied } from "./client/run-script.ts";
import type { Keys } from "./keys.ts";
import { parseMember } from "./member-record.ts";

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
  try {
    const atMeta = connection.at(keys.meta());
    return await atMeta.repeat(async () => {
      const [described, living] = await Promise.all([
        atMeta.client.hget(keys.meta(), `component:${component}`),
        livingMembers(connection, keys, component, memberLivesMs),
      ]);
      return living.length > 0 && described !== null ? described.split(",") : undefined;
    }, signal);
  } catch (error) {
    if (isDenied(error) || /^WRONGTYPE/.test(String((error as Error).message))) return undefined; // joining tells it
    throw error;
  }
}

/** The members of a component that have beaten within `livesMs`, and have not left. Rejects as the commands do. */
export async function livingMembers(
  connection: Connection,
  keys: Keys,
  component: string,
  livesMs: number,
): Promise<readonly string[]> {
  const beats = connection.at(keys.beats(component));
  await beats.ready();
  const { client } = beats;
  const [[seconds = 0, micros = 0], records] = await Promise.all([
    client.time(),
    client.hgetall(keys.beats(component)),
  ]);
  const now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  return Object.entries(records).flatMap(([member, text]) => {
    const record = parseMember(text);
    return record !== undefined && isLiving(record, now, livesMs) ? [member] : [];
  });
}
