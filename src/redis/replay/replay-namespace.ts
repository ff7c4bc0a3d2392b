/** Looks at the namespace that a replay writes into, and makes a shadow ready. */

import { ThroughlineError } from "../../model/errors.ts";
import type { NamespaceUse, TargetOpening } from "../../ports/replay-target.ts";
import type { Connection } from "../client/connection.ts";
import { storeError } from "../client/failures.ts";
import { repeatScript } from "../client/run-script.ts";
import type { Keys } from "../keys.ts";
import { Namespace } from "../namespace.ts";

/** The field of a namespace's description that names the namespace of which it is a shadow. */
export const shadowField = "shadow";

/**
 * Tells whether a namespace is live, a shadow, or unused. Writes nothing. `channels`: channels that may have entries
 * written by hand, without a description.
 * @throws {StoreError}
 */
export async function namespaceUse(
  connection: Connection,
  keys: Keys,
  channels: readonly string[],
): Promise<NamespaceUse> {
  try {
    const described = connection.at(keys.meta());
    const shadowOf = await described.repeat(() => described.client.hget(keys.meta(), shadowField));
    if (shadowOf !== null) return "shadow";
    const known = [keys.meta(), ...channels.map((channel) => keys.stream(0, channel))];
    const found = await Promise.all(
      known.map((key) => {
        const there = connection.at(key);
        return there.repeat(() => there.client.exists(key));
      }),
    );
    return found.includes(1) ? "live" : "unused";
  } catch (error) {
    throw storeError(`namespace "${keys.namespace}" cannot be looked at`, error);
  }
}

/**
 * Opens the namespace for a replay. Marks a shadow as such, and describes its channels, so that `status` and `journey`
 * know them. May be called again.
 * @throws {ConfigError} when it has another partition count or format.
 * @throws {StoreError} when Redis refuses
 */
export async function openForReplay(
  connection: Connection,
  keys: Keys,
  { partitions, shadowOf, channels, signal }: TargetOpening,
): Promise<void> {
  const described = connection.at(keys.meta());
  const { client } = described;
  try {
    const namespace = await Namespace.open(connection, keys, { count: partitions, isRequired: true }, signal);
    await namespace.claim((script, scriptKeys, args) => repeatScript(connection, script, scriptKeys, args, signal));
    if (shadowOf === undefined) return;
    await described.repeat(async () => {
      await client.hset(keys.meta(), shadowField, shadowOf);
      for (const channel of channels) await client.hsetnx(keys.meta(), `channel:${channel}`, "1");
    }, signal);
  } catch (error) {
    if (error instanceof ThroughlineError || error === signal.reason) throw error;
    throw storeError(`namespace "${keys.namespace}" cannot be written to`, error);
  }
}
