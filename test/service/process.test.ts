/** Any component runs as a process through `throughline/service`, with or without telemetry. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { Keys } from "../../src/redis/keys.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

function start(env: Readonly<Record<string, string>>, args: readonly string[] = []): StartedProcess {
  return startProcess("test/fixtures/own-service.ts", args, { env: { REDIS_URL: redisUrl(), ...env } });
}

test("without telemetry the log is lines of JSON, and the first signal drains", async () => {
  await using service = start({ NAMESPACE: freshNamespace() });
  const line = JSON.parse(await service.line("started")) as Record<string, unknown>;
  assert.equal([line["level"], line["service"], line["msg"]], ["info", "reader", "started"]);
  service.kill("SIGTERM");
  assert.match(await service.line("draining"), /"signal":"SIGTERM"/);
  assert.equal(await service.ended, { code: 0, signal: null });
  assert.is(service.stdout(), "");
});

test("LOG_LEVEL takes effect, and an unknown level is reported", async () => {
  await using quiet = start({ NAMESPACE: freshNamespace(), LOG_LEVEL: "chatty" });
  assert.match(await quiet.line("LOG_LEVEL is no level"), /debug, info, warn, error, silent/);
  await quiet.line("started");
  await using silent = start({ NAMESPACE: freshNamespace(), LOG_LEVEL: "warn", HEALTH_PORT: "no port" });
  assert.equal(await silent.ended, { code: 2, signal: null });
  assert.match(silent.stderr(), /It must be a port/);
});

test("without a namespace it ends with 2 and says how to name one", async () => {
  await using service = startProcess("test/fixtures/own-service.ts", [], {
    env: { REDIS_URL: redisUrl(), NAMESPACE: undefined },
  });
  assert.equal(await service.ended, { code: 2, signal: null });
  assert.match(service.stderr(), /--namespace <name>' not specified/);
});

test("makes a new namespace with PARTITIONS, and acknowledges what CONFIRM_REPLICAS replicas have", async () => {
  const namespace = freshNamespace();
  const env = { NAMESPACE: namespace, PARTITIONS: "3", CONFIRM_REPLICAS: "1", CONFIRM_TIMEOUT_MS: "50" };
  await using service = start(env);
  // This Redis has no replica.
  assert.match(await service.line("not as durable as was asked"), /0 of 1 replicas had it after 50 ms/);
  const client = new Redis(redisUrl(), { protocol: 2 });
  using _client = { [Symbol.dispose]: () => client.disconnect() };
  assert.is(await client.hget(new Keys(namespace).meta(), "partitions"), "3");
  await using refused = start({ ...env, CONFIRM_REPLICAS: "0" });
  assert.equal(await refused.ended, { code: 2, signal: null });
  assert.match(refused.stderr(), /It must be a whole number from 1/);
});
