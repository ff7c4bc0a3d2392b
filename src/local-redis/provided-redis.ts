/** Provides the Redis of a run: the one that REDIS_URL names, or else a private one. */

import { type PrivateRedisOptions, startPrivateRedis } from "./private-server.ts";

export interface ProvidedRedis extends AsyncDisposable {
  readonly url: string;
  /** True when the server was there before the run and stays after it. */
  readonly isGiven: boolean;
  /** Rejects with a `StoreError` when a private server ends before the run; never settles for a given one. */
  readonly died: Promise<never>;
  /** The server, for people. */
  readonly description: string;
}

/** True when REDIS_URL names a server. */
export function isGivenRedis<E extends NodeJS.ProcessEnv>(env: E): env is E & { readonly REDIS_URL: string } {
  const url = env["REDIS_URL"];
  return url !== undefined && url !== "";
}

/** Provides a server. `env` has REDIS_URL, or not; default: the process's. @throws {ConfigError} when there is none and none can be had. */
export async function provideRedis({
  env = process.env,
  ...options
}: PrivateRedisOptions & { readonly env?: NodeJS.ProcessEnv } = {}): Promise<ProvidedRedis> {
  if (isGivenRedis(env)) {
    return {
      url: env["REDIS_URL"],
      isGiven: true,
      died: new Promise(() => undefined),
      description: "the one that REDIS_URL names",
      [Symbol.asyncDispose]: async () => undefined,
    };
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
    isGiven: false,
    died,
    description: `${description} at ${url}, data in ${directory}`,
    [Symbol.asyncDispose]: dispose,
  };
}
