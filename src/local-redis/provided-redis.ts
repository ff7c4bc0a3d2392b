/** Provides the Redis of a run: the one that the environment names, or else a private one. */

import type { ServersPlace } from "../model/servers.ts";
import { serversFromEnv } from "../model/servers-given.ts";
import { startPrivateCluster } from "./private-cluster.ts";
import { type PrivateRedisOptions, startPrivateRedis } from "./private-server.ts";

export interface ProvidedRedis extends AsyncDisposable {
  /** Of a cluster, that of one node. */
  readonly url: string;
  /** Where it is, as a backbone's options have it. */
  readonly servers: ServersPlace;
  /** True when the server was there before the run and stays after it. */
  readonly isGiven: boolean;
  /** Rejects with a `StoreError` when a private server ends before the run; never settles for a given one. */
  readonly died: Promise<never>;
  /** The server, for people. */
  readonly description: string;
}

/** True when REDIS_URL names a server, REDIS_CLUSTER a cluster, or REDIS_SENTINELS one by its Sentinels. */
export function isGivenRedis(env: NodeJS.ProcessEnv): boolean {
  return [env["REDIS_URL"], env["REDIS_CLUSTER"], env["REDIS_SENTINELS"]].some(
    (one) => one !== undefined && one !== "",
  );
}

/** `cluster`: where none is given, a private cluster of three primaries, without replicas. */
export interface ProvideRedisOptions extends Omit<PrivateRedisOptions, "settings"> {
  /** What names a Redis, or does not. Default: the process's. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cluster?: boolean;
}

/** Provides a server. @throws {ConfigError} when there is none and none can be had. */
export async function provideRedis({
  env = process.env,
  cluster = false,
  ...options
}: ProvideRedisOptions = {}): Promise<ProvidedRedis> {
  if (isGivenRedis(env)) {
    const servers = serversFromEnv(env);
    return {
      url: servers.url ?? servers.cluster?.[0] ?? "",
      servers,
      isGiven: true,
      died: new Promise(() => undefined),
      description: `the one that ${servers.cluster !== undefined ? "REDIS_CLUSTER names" : servers.sentinel !== undefined ? "the Sentinels name" : "REDIS_URL names"}`,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  if (cluster) {
    const {
      urls,
      description,
      died,
      [Symbol.asyncDispose]: dispose,
    } = await startPrivateCluster({ ...options, env, replicas: 0 });
    const [url = ""] = urls;
    return { url, servers: { cluster: urls }, isGiven: false, died, description, [Symbol.asyncDispose]: dispose };
  }
  const {
    url,
    description,
    directory,
    died,
    [Symbol.asyncDispose]: dispose,
  } = await startPrivateRedis({ ...options, env });
  return {
    url,
    servers: { url },
    isGiven: false,
    died,
    description: `${description} at ${url}, data in ${directory}`,
    [Symbol.asyncDispose]: dispose,
  };
}
