/** Takes a namespace of format 1 over: one owner for a partition in place of members that competed. */

import { ConfigError } from "../model/errors.ts";
import type { Connection } from "./client/connection.ts";
import { isDenied, runScript } from "./client/run-script.ts";
import { formatVersion, type Keys } from "./keys.ts";
import { scriptsBeside } from "./script-source.ts";

const upgrade = scriptsBeside(import.meta.url)("upgrade", "slices/row", "store/groups");

/** A member of format 1 that was silent for longer does not live, ms: as long as another waited by default before it took over. */
const livesMs = 15_000;
/** About how many keys are looked at in one step. */
const scanned = 1_000;

/**
 * Upgrades, while nobody else works on the namespace. May be done twice, and by several processes at once.
 * @throws {ConfigError} while a member of an older version lives, and for a user who may not
 */
export async function upgradeFrom1(connection: Connection, keys: Keys, signal: AbortSignal | undefined): Promise<void> {
  const repeat = <T>(run: () => Promise<T>): Promise<T> => connection.repeat(run, signal);
  const { client } = connection;
  try {
    const meta = await repeat(() => client.hgetall(keys.meta()));
    const partitions = Number(meta["partitions"] ?? 1);
    const components = Object.entries(meta).flatMap(([field, text]) =>
      field.startsWith("component:")
        ? [[field.slice("component:".length), text.split(",").filter(Boolean)] as const]
        : [],
    );
    for (const [component, channels] of components) {
      for (let partition = 0; partition < partitions; partition++) {
        const { positions, members } = keys.former(partition, component);
        const streams = channels.map((channel) => keys.stream(partition, channel));
        const names = [keys.owner(partition, component), positions, members, ...streams];
        const living = await repeat(() => runScript(connection, upgrade, names, [component, livesMs, ...channels]));
        if ((living as string[]).length > 0) throw stillLiving(keys.namespace, living as string[]);
      }
    }
    await removeRobbed(connection, keys, signal);
    await repeat(() => client.hset(keys.meta(), "format", formatVersion));
  } catch (error) {
    if (!isDenied(error)) throw error;
    throw new ConfigError(
      `namespace "${keys.namespace}" has format version 1, and this user may not take it over: start one of its components first, or run ` +
        '"throughline prepare" as its owner',
      { cause: error },
    );
  }
}

async function removeRobbed({ client }: Connection, keys: Keys, signal: AbortSignal | undefined): Promise<void> {
  let cursor = "0";
  do {
    signal?.throwIfAborted();
    const [next, found] = await client.scan(cursor, "MATCH", keys.formerlyRobbed(), "COUNT", scanned);
    for (const key of found) await client.del(key);
    cursor = next;
  } while (cursor !== "0");
}

function stillLiving(namespace: string, members: readonly string[]): ConfigError {
  return new ConfigError(
    `namespace "${namespace}" has format version 1, and members of an older version of Throughline work on it: ${members.join(", ")}. Both at once ` +
      `would handle events twice. Stop the older ones; ${livesMs / 1_000} s after the last of them was killed, sooner where it was stopped in order, this version takes the namespace over`,
  );
}
