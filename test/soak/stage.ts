/** What a soak runs on: one Redis behind a proxy, or a cluster; and who carries out the faults there. */

import { Redis } from "ioredis";
import type { BackboneOptions, ServersPlace } from "../../src/index.ts";
import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { Keys } from "../../src/redis/keys.ts";
import { tradingPartitions } from "../../trading/domain/index.ts";
import type { FactOf } from "../checker/history.ts";
import { clusterClient } from "../support/backbone.ts";
import type { Pipe } from "../support/pipe.ts";
import { startProxy } from "../support/proxy.ts";
import type { VenueProcess } from "../trading/venue/venue-process.ts";
import { ClusterFaults } from "./cluster-faults.ts";
import type { Desk } from "./desk.ts";
import { type Appendfsync, Faults, setAppendfsync } from "./faults.ts";
import { clusterPartitions, type Fault } from "./schedule.ts";
import { slowFsyncs } from "./slow-fsync.ts";
import { soakedChannels } from "./verdict.ts";

export interface StageOptions {
  readonly appendfsync: Appendfsync;
  /** Redis's fsyncs take 1.5 s longer, so that a kill does lose something with `everysec`. */
  readonly slowFsync: boolean;
  /** Of a cluster: what is acknowledged, its replica has. */
  readonly confirmed: boolean;
  /** Likewise: a primary that is killed has written something that its replica has missed. */
  readonly staleReplicas: boolean;
}

export interface Striking {
  strike(fault: Fault): Promise<void>;
  /** The entries that Redis itself has lost. */
  readonly losses: readonly FactOf<"loss">[];
}

/** Who is struck beside the servers. */
export interface Actors {
  readonly desk: Desk;
  readonly venue: VenueProcess;
  /** Between the Order Senders and the venue. */
  readonly sessions: Pipe;
}

export interface Stage extends AsyncDisposable {
  readonly description: string;
  readonly partitions: number;
  /** As the pipeline and its clients reach the servers. */
  readonly reached: ServersPlace & Pick<BackboneOptions, "durability">;
  /** The same for processes. */
  readonly env: Readonly<Record<string, string>>;
  /** The servers themselves. */
  readonly servers: ServersPlace;
  /** Bare, and past any proxy. On a cluster it finds the node of each command's key. */
  readonly client: Redis;
  faultsOn(actors: Actors): Striking;
}

/** Longest wait for a replica, ms. While it is asked its connection waits, which may not look like a death. */
const confirmTimeoutMs = 500;

export async function openServer(
  { appendfsync, slowFsync }: StageOptions,
  namespace: string,
  say: (line: string) => void,
): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  if (slowFsync) stack.use(await slowFsyncs());
  const redis = stack.use(await startPrivateRedis({ say }));
  const proxy = stack.use(await startProxy(redis.url));
  const client = stack.adopt(new Redis(redis.url, { protocol: 2, maxRetriesPerRequest: null }), (one) =>
    one.disconnect(),
  );
  client.on("error", () => undefined); // Redis is killed on purpose
  await setAppendfsync(client, appendfsync);
  const keys = new Keys(namespace);
  const streams = new Map(
    soakedChannels.flatMap((channel) =>
      Array.from({ length: tradingPartitions }, (_, partition) => [keys.stream(partition, channel), channel] as const),
    ),
  );
  const all = stack.move();
  return {
    description: `${redis.description}, appendfsync ${appendfsync}`,
    partitions: tradingPartitions,
    reached: { url: proxy.url },
    env: { REDIS_URL: proxy.url },
    servers: { url: redis.url },
    client,
    faultsOn: (actors) => {
      const faults = new Faults({ ...actors, redis, proxy, client, appendfsync, streams });
      return {
        strike: (fault) => {
          if (fault.kind === "failover" || fault.kind === "promote" || fault.kind === "move")
            throw new Error(`"${fault.kind}" happens to a cluster`);
          return faults.strike(fault);
        },
        losses: faults.losses,
      };
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

export async function openCluster(
  { appendfsync, confirmed, staleReplicas }: StageOptions,
  namespace: string,
  say: (line: string) => void,
): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const settings = (): readonly string[] => ["cluster-require-full-coverage no", `appendfsync ${appendfsync}`];
  const cluster = stack.use(await startPrivateCluster({ say, settings }));
  const servers = { cluster: cluster.urls };
  const confirm = { replicas: 1, timeoutMs: confirmTimeoutMs };
  const client = stack.adopt(clusterClient(cluster.urls), (one) => one.disconnect());
  const all = stack.move();
  return {
    description: `${cluster.description}, appendfsync ${appendfsync}${confirmed ? ", what is acknowledged is confirmed by a replica" : ""}`,
    partitions: clusterPartitions,
    reached: { ...servers, ...(confirmed && { durability: confirm }) },
    env: {
      REDIS_CLUSTER: cluster.urls.join(","),
      ...(confirmed && { CONFIRM_REPLICAS: "1", CONFIRM_TIMEOUT_MS: String(confirmTimeoutMs) }),
    },
    servers,
    client,
    faultsOn: ({ desk }) => {
      const faults = all.use(new ClusterFaults({ desk, cluster, keys: new Keys(namespace), confirmed, staleReplicas }));
      return {
        strike: (fault) => {
          switch (fault.kind) {
            case "kill":
            case "terminate":
            case "stop":
            case "deploy":
            case "failover":
            case "promote":
            case "move":
              return faults.strike(fault);
            default:
              throw new Error(`"${fault.kind}" happens to one server`);
          }
        },
        losses: faults.losses,
      };
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
