/** The place of the servers by the command line and the environment. */

import { ConfigError } from "./errors.ts";
import type { ServersPlace } from "./servers.ts";

/** Options of a command line, or what stands in the environment; lists are separated by commas. */
export interface ServersGiven {
  readonly url?: string | undefined;
  readonly cluster?: string | undefined;
  readonly sentinels?: string | undefined;
  readonly sentinelName?: string | undefined;
}

/** The server's address where none is given. */
export const defaultUrl = "redis://127.0.0.1:6379";

/** @throws {ConfigError} on what contradicts itself */
export function serversGiven({ url, cluster, sentinels, sentinelName }: ServersGiven): ServersPlace {
  if ((sentinels === undefined) !== (sentinelName === undefined))
    throw new ConfigError(
      "the Sentinels (REDIS_SENTINELS) and the name of their primary (REDIS_SENTINEL_NAME) go together",
    );
  if (cluster !== undefined && (url !== undefined || sentinels !== undefined))
    throw new ConfigError(
      "a cluster (REDIS_CLUSTER) and a server's URL (REDIS_URL) or Sentinels are given: unset one of them",
    );
  if (cluster !== undefined) return { cluster: listOf(cluster) };
  if (sentinels !== undefined && sentinelName !== undefined)
    return { ...(url !== undefined && { url }), sentinel: { urls: listOf(sentinels), name: sentinelName } };
  return { url: url ?? defaultUrl };
}

/**
 * The place by `REDIS_URL`, by `REDIS_CLUSTER` (URLs of some nodes, separated by commas), or by `REDIS_SENTINELS` and `REDIS_SENTINEL_NAME`; there
 * REDIS_URL gives the login, database and scheme of the primary. An address without a scheme is redis://. @throws {ConfigError}
 */
export function serversFromEnv(env: NodeJS.ProcessEnv): ServersPlace {
  const given = (name: string): string | undefined => env[name] || undefined;
  return serversGiven({
    url: given("REDIS_URL"),
    cluster: given("REDIS_CLUSTER"),
    sentinels: given("REDIS_SENTINELS"),
    sentinelName: given("REDIS_SENTINEL_NAME"),
  });
}

function listOf(text: string): readonly string[] {
  const urls = text.split(",").flatMap((one) => one.trim() || []);
  return urls.map((url) => (url.includes("://") ? url : `redis://${url}`));
}
