/** `startRedis`: starts a Redis for one test, as a private process or in a container, which ends with the test. */

import { startPrivateRedis } from "../local-redis/private-server.ts";
import { ConfigError } from "../model/errors.ts";
import { peerProblem } from "../model/optional-peer.ts";
import { containerPeers } from "./peers.ts";

export interface StartRedisOptions {
  /**
   * An image of Redis or Valkey, such as `redis:8`, started by Testcontainers, which wants
   * Node 22.22 or newer. Default: the redis-server or
   * valkey-server of this machine.
   */
  readonly image?: string;
  /** Longest time for a container to start, its image's download included, ms. Default 120,000. */
  readonly startTimeoutMs?: number;
}

/** A running server. Its disposal ends the server and removes its data. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  /** The server, for people. */
  readonly description: string;
}

/**
 * Starts the image's server, Redis or Valkey. Its protected mode would refuse clients from outside of the container.
 */
const command =
  'exec "$(command -v valkey-server || command -v redis-server)" --protected-mode no --appendonly yes --save "" --maxmemory-policy noeviction';

/** `startRedis` starts one in any case: REDIS_URL says nothing to it. */
const withoutServer =
  'Or start an image, startRedis({ image: "redis:8" }), or let provideRedis take the server that REDIS_URL names.';

/**
 * Starts a server on a free port and resolves when it takes commands.
 * @throws {ConfigError} when there is none to start, or Testcontainers is not installed
 */
export async function startRedis(options: StartRedisOptions = {}): Promise<TestRedis> {
  const { image, startTimeoutMs = 120_000, ...unknown } = options;
  for (const name of Object.keys(unknown)) throw new ConfigError(`startRedis has no option "${name}"`);
  if (image === undefined) {
    const redis = await startPrivateRedis({ otherwise: withoutServer });
    return {
      url: redis.url,
      description: redis.description,
      [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
    };
  }
  const { GenericContainer, Wait } = await import("testcontainers").catch((error: unknown) => {
    throw peerProblem(containerPeers, error);
  });
  const container = await new GenericContainer(image)
    .withCommand(["sh", "-c", command])
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage("Ready to accept connections"))
    .withStartupTimeout(startTimeoutMs)
    .start();
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    description: `${image} in a container`,
    [Symbol.asyncDispose]: async () => {
      await container.stop({ remove: true, removeVolumes: true });
    },
  };
}
