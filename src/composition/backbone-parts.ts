/** The parts of a backbone that need an answer of Redis. */

import type { Tracing } from "../ports/tracing.ts";
import type { Connection } from "../redis/client/connection.ts";
import type { EvictionWatch } from "../redis/client/eviction-watch.ts";
import type { ServerClock } from "../redis/client/server-clock.ts";
import type { Topology } from "../redis/client/topology.ts";
import type { Keys } from "../redis/keys.ts";
import type { Namespace } from "../redis/namespace.ts";
import type { ResolvedBackboneOptions } from "./backbone-options.ts";

export interface BackboneParts {
  /** The partitions that it wants; those that it has are the namespace's. */
  readonly options: ResolvedBackboneOptions;
  readonly keys: Keys;
  readonly namespace: Namespace;
  readonly tracing: Tracing;
  readonly topology: Topology;
  /** Opens a connection for a purpose, which is a part of its name on the server; on a cluster to the node that has the key. */
  readonly open: (purpose: string, key: string) => Connection;
  /** The one that publishes. */
  readonly connection: Connection;
  readonly clock: ServerClock;
  readonly eviction: EvictionWatch | undefined;
}
