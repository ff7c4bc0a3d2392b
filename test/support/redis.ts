/** The Redis that all tests of a run share, and a namespace in it for each test. */

import { randomBytes } from "node:crypto";

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

/** A namespace that nothing else uses: no other test, file or run. */
export function freshNamespace(): string {
  const run = process.env["THROUGHLINE_TEST_RUN"] ?? "alone";
  namespaces++;
  return `${namespacePrefix}${run}-${process.pid}-${namespaces}-${randomBytes(3).toString("hex")}`;
}
