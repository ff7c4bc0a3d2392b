/** The options of a run, checked before anything is started. */

import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "throughline";
import { isGivenRedis } from "throughline/testing";
import type { OrderFileFormat } from "../domain/index.ts";

export interface PipelineOptions {
  /** The file of orders. Default: the sample, unless `serve`. */
  readonly orders?: string;
  readonly format?: OrderFileFormat;
  readonly symbol?: string;
  /** The file for the summary as JSON. */
  readonly report?: string;
  /** The directory of the private Redis's data, with the venue's in `venue` below it. Default: `.throughline/redis` and `.throughline/venue` in the working directory. */
  readonly data?: string;
  /** The private Redis is a cluster of three primaries. */
  readonly cluster?: boolean;
  /** Starts with an empty log. */
  readonly fresh: boolean;
  /** Continues after the file, with a WebSocket gateway, until the signal. */
  readonly serve: boolean;
  /** The gateway's address; only with `serve`. Default 127.0.0.1, port 8080. */
  readonly host?: string;
  readonly port?: number;
  /** Names and addresses by which clients reach the gateway beside its own addresses; only with `serve`. */
  readonly allowedHosts?: readonly string[];
  /** The console's port; only with `serve`. Default 8090, or a free one where that is taken. */
  readonly consolePort?: number;
  /** Lets the console's page act; only with `serve`. */
  readonly allowActions?: boolean;
  readonly namespace: string;
  /** The seed of the simulated exchange. */
  readonly seed: string;
  readonly rejectRate: number;
}

const samplePath = fileURLToPath(new URL("../domain/sample/orders.ndjson", import.meta.url));

/**
 * Checks the options. Resolves with the file to feed, if any.
 * @throws {ConfigError} on settings that cannot work together, and on paths that cannot be used
 */
export async function checkOptions(options: PipelineOptions, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { orders, format, symbol, report, serve } = options;
  if (orders === undefined && (format !== undefined || symbol !== undefined)) {
    throw new ConfigError("--format and --symbol describe a file: name it with --orders FILE");
  }
  if (options.cluster === true && isGivenRedis(env)) {
    throw new ConfigError("--cluster makes a private cluster, and the environment names a Redis: unset one of them");
  }
  if (options.data !== undefined && isGivenRedis(env)) {
    throw new ConfigError(
      "--data says where a private Redis keeps its data, and the environment names another Redis: unset one of them",
    );
  }
  if (!serve && [options.host, options.port, options.allowedHosts].some((one) => one !== undefined)) {
    throw new ConfigError(
      "--host, --port and --allowed-hosts say where orders are taken: that is only done with --serve",
    );
  }
  if (!serve && [options.consolePort, options.allowActions].some((one) => one !== undefined)) {
    throw new ConfigError("--console-port and --allow-actions are about the console, which is only there with --serve");
  }
  if (orders !== undefined) {
    const found = await stat(orders).catch((cause: NodeJS.ErrnoException) => {
      throw new ConfigError(`there is no file of orders at ${orders} (${cause.code})`, { cause });
    });
    if (found.isDirectory()) throw new ConfigError(`${orders} is a directory: name a file of orders`);
    await access(orders, constants.R_OK).catch((cause: Error) => {
      throw new ConfigError(`the file of orders ${orders} cannot be read`, { cause });
    });
  }
  if (report !== undefined) {
    await access(dirname(resolve(report)), constants.W_OK).catch((cause: Error) => {
      throw new ConfigError(`the report cannot be written to ${report}: its directory is missing or not writable`, {
        cause,
      });
    });
  }
  return orders ?? (serve ? undefined : relative("", samplePath));
}
