/** A component's state, as it is read from outside. */

import { requireWellFormed } from "../model/well-formed-text.ts";
import { partitionOf } from "../publish/placement.ts";
import type { RedisInspector } from "../redis/inspect/inspector.ts";
import type { StateReader } from "./backbone.ts";

export function viewState<V>(
  inspector: RedisInspector,
  partitions: () => Promise<number>,
  component: string,
  store: string,
): StateReader<V> {
  return {
    get: async (key) => {
      requireWellFormed("the state key", key);
      const count = await partitions();
      for (const partition of partitionsFrom(partitionOf(key, count), count)) {
        const json = await inspector.state(partition, component, store, key);
        if (json !== undefined) return JSON.parse(json) as V;
      }
      return undefined;
    },
    async *list() {
      const count = await partitions();
      for (let partition = 0; partition < count; partition++) {
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
