/** What the components and the sources of a backbone have in common: their store, a bound on their takeover, and the gauge of what they own. */

import { ConfigError } from "../model/errors.ts";
import type { OwnedGauge } from "../ports/tracing.ts";
import { RedisSliceStore } from "../redis/slices/slice-store.ts";
import type { StoreContext } from "../redis/store/appender.ts";
import type { BackboneParts } from "./backbone-parts.ts";

/** Whoever it is for disposes of it. */
export function openSliceStore(
  { options, keys, namespace, topology, open: openConnection }: BackboneParts,
  context: StoreContext,
  component: string,
  keepsLog: boolean,
): RedisSliceStore {
  const { log } = options;
  const partitions = (): number => namespace.partitions;
  const isCluster = topology.kind === "cluster";
  return new RedisSliceStore({ component, keys, partitions, log, context, openConnection, isCluster, keepsLog });
}

/** `of`: its kind and name, for people. @throws {ConfigError} where waiting for the durability would look like a death */
export function refuseShortTakeover({ options }: BackboneParts, of: string, takeoverAfterMs: number): void {
  const { durability } = options;
  if (durability === undefined || durability.timeoutMs * 2 <= takeoverAfterMs) return;
  throw new ConfigError(
    `${of}: takeoverAfterMs ${takeoverAfterMs} is below twice the durability's timeoutMs ${durability.timeoutMs}: ` +
      "owners that wait for their settlements to be durable would be taken for dead",
  );
}

/** `count`: of its partitions. */
export function ownedBy(component: string, owned: readonly number[], count: number): readonly OwnedGauge[] {
  return Array.from({ length: count }, (_, partition) => ({
    component,
    partition,
    isOwned: owned.includes(partition),
  }));
}
