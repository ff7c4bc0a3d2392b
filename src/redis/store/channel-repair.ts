/** Repairs a channel's streams: the script `repair`, with the keys of the components that stand on it. */

import { toleratedAheadMs } from "../../model/channel-damage.ts";
import { ConfigError, StoreError } from "../../model/errors.ts";
import type { Inspector } from "../../ports/inspect.ts";
import type { Connection } from "../client/connection.ts";
import { storeError } from "../client/failures.ts";
import { repeatScript } from "../client/run-script.ts";
import type { Keys } from "../keys.ts";
import { scripts } from "./scripts.ts";

export interface Repaired {
  readonly channel: string;
  readonly partition: number;
  /** Entries that were ahead of the clock, and have ids of now. */
  readonly renumbered: number;
  /** Entries that somebody else than retention has removed, and of which `status` and the logs tell no more. */
  readonly accepted: number;
  readonly lastEntryId: string;
}

/** Entries that one script moves: it stops the server for some 3 µs each. */
const mostMoved = 20_000;

export interface RepairContext {
  readonly connection: Connection;
  readonly inspector: Inspector;
  readonly keys: Keys;
}

/** One row a partition in which the channel has a stream. @throws {ConfigError} where it has none. @throws {StoreError} */
export async function repairChannel(
  context: RepairContext,
  channel: string,
  partitions: number,
  signal: AbortSignal,
  buildsAnew: boolean = false,
): Promise<readonly Repaired[]> {
  const repaired: Repaired[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const one = await repairStream(context, channel, partition, signal, buildsAnew);
    if (one !== undefined) repaired.push(one);
  }
  if (repaired.length > 0) return repaired;
  throw new ConfigError(`channel "${channel}" has no stream in namespace "${context.keys.namespace}"`);
}

async function repairStream(
  { connection, inspector, keys }: RepairContext,
  channel: string,
  partition: number,
  signal: AbortSignal,
  buildsAnew: boolean,
): Promise<Repaired | undefined> {
  const described = [...((await inspector.catalogue())?.components.keys() ?? [])];
  for (;;) {
    const facts = await inspector.streamFacts({ channel, partition }, described);
    if (facts === undefined) return undefined;
    const groups = facts.groups.map(({ component }) => component);
    const names = [keys.stream(partition, channel), keys.trimmed(partition), keys.repair(partition)];
    for (const group of groups) {
      names.push(keys.attempts(partition, channel, group), keys.parked(partition, channel, group));
      names.push(keys.owner(partition, group));
    }
    const args = [channel, toleratedAheadMs, mostMoved, buildsAnew ? "1" : "0", ...groups];
    try {
      const reply = await repeatScript(connection, scripts.repair, names, args, signal);
      const [renumbered, accepted = 0, lastEntryId = ""] = reply as [number | "again", number?, string?];
      if (renumbered !== "again") return { channel, partition, renumbered, accepted, lastEntryId };
    } catch (error) {
      const why = error instanceof Error ? /REFUSED (.*)/.exec(error.message)?.[1] : undefined;
      if (why === undefined) throw storeError(`channel "${channel}" cannot be repaired`, error);
      throw new StoreError(`channel "${channel}" cannot be repaired: ${why}. Nothing was changed`, { cause: error });
    }
  }
}
