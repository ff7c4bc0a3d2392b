/** The Redis that all tests of a run share, and a namespace in it for each test. */

import { randomBytes } from "node:crypto";
import type { ServersPlace } from "../../src/index.ts";
import { skip } from "./test.ts";

/** The prefix of every namespace of a run, by which the runner removes the tests' keys from a Redis that it did not start. */
export const namespacePrefix = "test-";

let namespaces = 0;

/** Of the Redis that the runner started for the whole run. */
export function redisUrl(): string {
  const url = process.env["THROUGHLINE_TEST_REDIS_URL"] ?? process.env["REDIS_URL"];
  if (url === undefined) {
    throw new Error("this test needs a Redis: run it with `npm test -- PART_OF_ITS_PATH`, or set REDIS_URL");
  }
  return url;
}

/** The nodes of the run's cluster, with THROUGHLINE_TOPOLOGY=cluster; else undefined. */
export function clusterUrls(): readonly string[] | undefined {
  return process.env["THROUGHLINE_TEST_CLUSTER"]?.split(",");
}

/** The run's servers as one argument of a process; `serversOf` reads it. */
export function serversArgument(): string {
  return clusterUrls()?.join(",") ?? redisUrl();
}

export function serversOf(argument: string): ServersPlace {
  return argument.includes(",") ? { cluster: argument.split(",") } : { url: argument };
}

/** Ends the running test as skipped on a cluster: its fault happens to one server. */
export function skipOnCluster(why: string): void {
  if (clusterUrls() !== undefined) skip(`on one server only: ${why}`);
}

/** A namespace that nothing else uses: no other test, file or run. */
export function freshNamespace(): string {
  const run = process.env["THROUGHLINE_TEST_RUN"] ?? "alone";
  namespaces++;
  return `${namespacePrefix}${run}-${process.pid}-${namespaces}-${randomBytes(3).toString("hex")}`;
}
