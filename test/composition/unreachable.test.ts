/** A server that is not there is told at once, by its address and the system's reason, and waited for no longer than was said. */

import * as assert from "uvu/assert";
import { type BackboneOptions, ConfigError, connectBackbone, PublishError, StoreError } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { type LogLine, memoryLog, open, things } from "../support/backbone.ts";
import { startProxy } from "../support/proxy.ts";
import { redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

/** Nobody listens there. */
const nowhere = "redis://127.0.0.1:1";

test("gives up connecting after connectTimeoutMs, and says where and why", async () => {
  const lines: LogLine[] = [];
  const began = performance.now();
  const error = await rejects(
    connectBackbone({ url: nowhere, namespace: "a", log: memoryLog(lines), connectTimeoutMs: 200 }),
    StoreError,
    /no Redis at 127\.0\.0\.1:1 within 200 ms: connect ECONNREFUSED 127\.0\.0\.1:1/,
  );
  assert.is((error.cause as NodeJS.ErrnoException).code, "ECONNREFUSED");
  assert.ok(performance.now() - began < 5_000);
  assert.match(lines[0]?.text ?? "", /^Redis is away \(connect ECONNREFUSED 127\.0\.0\.1:1\); retrying$/);
});

test("gives up on a server that takes connections and says nothing", async () => {
  await using proxy = await startProxy(redisUrl());
  proxy.blackHole();
  await rejects(
    connectBackbone({ url: proxy.url, namespace: "a", log: memoryLog([]), connectTimeoutMs: 200 }),
    StoreError,
    /within 200 ms: no answer/,
  );
});

test("a password is in none of it", async () => {
  const lines: LogLine[] = [];
  const { message } = await rejects(
    connectBackbone({
      url: "redis://u:secret@127.0.0.1:1",
      namespace: "a",
      log: memoryLog(lines),
      connectTimeoutMs: 50,
    }),
    StoreError,
  );
  assert.not.match(`${message}${JSON.stringify(lines)}`, /secret/);
});

test("is not limited once connected, and a signal's reason still comes through", async () => {
  await using o = await open({ connectTimeoutMs: 10_000 });
  await o.backbone.publish(things("things"), { n: 1 });
  const stop = AbortSignal.abort(new Error("enough"));
  await rejects(
    connectBackbone({ url: nowhere, namespace: "a", log: memoryLog([]), connectTimeoutMs: 10_000, signal: stop }),
    Error,
    /enough/,
  );
  const wrong = { namespace: "a", connectTimeoutMs: 0 } as BackboneOptions;
  await rejects(connectBackbone(wrong), ConfigError, /connectTimeoutMs is 0/);
});

test("a publish that Redis was away for names the reason, whether it was sent or waited", async () => {
  await using redis = await startPrivateRedis();
  // Time for an attempt to connect, whose failure is the reason, also beside others on the machine.
  await using o = await open({ url: redis.url, publishTimeoutMs: 2_000 });
  const channel = things("things");
  await o.backbone.publish(channel, { n: 0 });
  await redis.kill("SIGKILL");
  // More than travel at once.
  const publishes = Array.from({ length: 3_000 }, (_, n) => o.backbone.publish(channel, { n }));
  const failed = (await Promise.allSettled(publishes)).map((one) =>
    one.status === "rejected" ? one.reason : undefined,
  );
  for (const error of [failed[0], failed.at(-1)]) {
    assert.instance(error, PublishError);
    assert.match((error as Error).message, /ECONNREFUSED/);
    assert.is(((error as Error).cause as NodeJS.ErrnoException).code, "ECONNREFUSED");
  }
});
