/** `startRedis`: a Redis of a test's own, as a private process or in a container, gone when the test is. */

import { startPrivateRedis } from "../local-redis/private-server.ts";
import { ConfigError } from "../model/errors.ts";

export interface StartRedisOptions {
  /** Of Redis or Valkey, such as `redis:8`, started by Testcontainers. Default: the redis-server or valkey-server of this machine. */
  readonly image?: string;
  /** How long a container may take to start, its image's download included, ms. Default 120,000. */
  readonly startTimeoutMs?: number;
}

/** Dispose ends the server and removes its data. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  /** For people: which server. */
  readonly description: string;
}

/** Of whichever server the image has. It would refuse whoever comes from outside of its container without a password. */
const command =
  'exec "$(command -v valkey-server || command -v redis-server)" --protected-mode no --appendonly yes --save "" --maxmemory-policy noeviction';

/**
 * Starts a server on a free port and resolves when it takes commands.
 * @throws {ConfigError} when there is none to start, or Testcontainers is not installed
 */
export async function startRedis(options: StartRedisOptions = {}): Promise<TestRedis> {
  const { image, startTimeoutMs = 120_000, ...unknown } = options;
  for (const name of Object.keys(unknown)) throw new ConfigError(`startRedis has no option "${name}"`);
  if (image === undefined) {
    const redis = await startPrivateRedis();
    return {
      url: redis.url,
      description: redis.description,
      [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
    };
  }
  const { GenericContainer, Wait } = await import("testcontainers").catch((cause: unknown) => {
    throw new ConfigError("startRedis({ image }) needs Testcontainers: npm install --save-dev testcontainers", {
      cause,
    });
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
