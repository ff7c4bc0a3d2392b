/** A component's state, as it is read from outside. */

import { requireWellFormed } from "../model/well-formed-text.ts";
import { partitionOf } from "../publish/placement.ts";
import type { RedisInspector } from "../redis/inspect/inspector.ts";
import type { StateReader } from "./backbone.ts";

export function viewState<V>(
  inspector: RedisInspector,
  partitions: number,
  component: string,
  store: string,
): StateReader<V> {
  return {
    get: async (key) => {
      requireWellFormed("the state key", key);
      for (const partition of partitionsFrom(partitionOf(key, partitions), partitions)) {
        const json = await inspector.state(partition, component, store, key);
        if (json !== undefined) return JSON.parse(json) as V;
      }
      return undefined;
    },
    async *list() {
      for (let partition = 0; partition < partitions; partition++) {
        for await (const [key, json] of inspector.states(partition, component, store))
          yield [key, JSON.parse(json) as V, partition];
      }
    },
  };
}

/** All partitions, this one first. */
function* partitionsFrom(first: number, count: number): Generator<number> {
  yield first;
  for (let partition = 0; partition < count; partition++) if (partition !== first) yield partition;
}
