/** Where the servers are, and which of them has a key: one server, the primary that Sentinels name, or a cluster's nodes. */

import type { Socket } from "node:net";
import { Command } from "ioredis";
import { ConfigError } from "../../model/errors.ts";
import type { ServersPlace } from "../../model/servers.ts";
import type { TlsOptions } from "../../model/tls-options.ts";
import { parseRedisUrl, type RedisAddress } from "./address.ts";
import { ClusterMap } from "./cluster-map.ts";
import { openSocket } from "./open-socket.ts";
import { SentinelWatch } from "./sentinel-watch.ts";

/** The kinds of a topology. A server says in its greeting which one it belongs to: "standalone", "sentinel" or "cluster". */
export type TopologyKind = "server" | "sentinel" | "cluster";

export interface Topology {
  readonly kind: TopologyKind;
  /** For people, without a login. */
  readonly place: string;
  /** Login, database and TLS, the same on every server. */
  readonly login: Pick<RedisAddress, "username" | "password" | "db" | "tls">;
  /** The first address, for spans. */
  readonly address: RedisAddress;
  /** Begins to connect to the server that has the key. Rejects where none is known to. */
  open(key: string): Promise<Socket>;
  /** Of a cluster: the same for each node that has slots, whatever the key. Rejects where no node answers. */
  nodes(): Promise<readonly Topology[]>;
  /** What was found last does not hold any more: the next `open` looks again. */
  outdated(): void;
}

/** @throws {ConfigError} on a URL that cannot be read, and on places that contradict each other */
export function topologyOf({ url, cluster, sentinel }: ServersPlace, tls?: TlsOptions): Topology {
  if (cluster !== undefined && sentinel !== undefined)
    throw new ConfigError(
      "both cluster and sentinel are given: a cluster has no Sentinels, its nodes elect by themselves",
    );
  if (cluster !== undefined && url !== undefined)
    throw new ConfigError("both url and cluster are given: the keys are on one server or on one cluster");
  if (cluster !== undefined) return clusterTopology(cluster, tls);
  if (sentinel !== undefined) {
    const { urls, name } = sentinel;
    const primary = parseRedisUrl(url ?? "redis://127.0.0.1:6379", tls);
    if (primary.path !== undefined)
      throw new ConfigError("a primary that Sentinels name is not reached by a unix:// URL");
    if (name === "" || typeof name !== "string")
      throw new ConfigError("sentinel.name is missing: the name under which the Sentinels know the primary");
    const watch = new SentinelWatch(addressesOf("sentinel.urls", urls, tls, sentinelPort), name, primary);
    return {
      kind: "sentinel",
      place: `"${name}" of the Sentinels ${placesOf(watch.sentinels)}`,
      login: primary,
      address: watch.sentinels[0] as RedisAddress,
      open: () => watch.open(),
      nodes: async () => [],
      outdated: () => undefined,
    };
  }
  const address = parseRedisUrl(url ?? "redis://127.0.0.1:6379", tls);
  const place = address.path ?? `${address.host}:${address.port}`;
  return {
    kind: "server",
    place,
    login: address,
    address,
    open: async () => openSocket(address),
    nodes: async () => [],
    outdated: () => undefined,
  };
}

function clusterTopology(urls: readonly string[], tls: TlsOptions | undefined): Topology {
  const nodes = addressesOf("cluster", urls, tls);
  const [login] = nodes as [RedisAddress];
  if ((login.db ?? 0) !== 0) throw new ConfigError("a cluster has no databases but 0");
  const map = new ClusterMap(nodes);
  const secured = login.tls && { tls: login.tls };
  const topology: Topology = {
    kind: "cluster",
    place: `the cluster of ${placesOf(nodes)}`,
    login,
    address: login,
    open: async (key) => openSocket({ ...(await map.nodeOf(slotOf(key))), ...secured }),
    nodes: async () =>
      (await map.primaries()).map((node) => ({
        ...topology,
        place: `${node.host}:${node.port}`,
        open: async () => openSocket({ ...node, ...secured }),
      })),
    outdated: () => map.outdated(),
  };
  return topology;
}

/** The port of a Sentinel whose URL names none. */
const sentinelPort = 26_379;

/** The hash slot of a key: 0 to 16,383. */
export function slotOf(key: string): number {
  return new Command("GET", [key]).getSlot() as number;
}

/** The part of a key that decides about its slot. */
export function tagOf(key: string): string {
  return /\{([^}]+)\}/.exec(key)?.[1] ?? key;
}

/** @throws {ConfigError} */
function addressesOf(
  option: string,
  urls: readonly string[],
  tls: TlsOptions | undefined,
  defaultPort: number | undefined = undefined,
): readonly RedisAddress[] {
  if (!Array.isArray(urls) || urls.length === 0) throw new ConfigError(`${option} names no server`);
  const addresses = urls.map((url) => {
    const address = parseRedisUrl(url, url.startsWith("rediss:") ? tls : undefined);
    return defaultPort !== undefined && new URL(url).port === "" ? { ...address, port: defaultPort } : address;
  });
  const [first] = addresses as [RedisAddress];
  for (const { path, username, password, tls: secured } of addresses) {
    if (path !== undefined) throw new ConfigError(`${option} takes redis:// and rediss:// URLs`);
    if ((secured === undefined) !== (first.tls === undefined))
      throw new ConfigError(`${option} mixes redis:// and rediss://: some connections would be open to read`);
    if (username !== first.username || password !== first.password)
      throw new ConfigError(`${option} gives different logins: one is used on every server`);
  }
  return addresses;
}

function placesOf(addresses: readonly RedisAddress[]): string {
  return addresses.map(({ host, port }) => `${host}:${port}`).join(", ");
}
