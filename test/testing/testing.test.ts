/** The door for users' tests: a Redis that ends with its test, and captured spans. */

import { trace } from "@opentelemetry/api";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { ConfigError, on } from "../../src/index.ts";
import { captureSpans, provideRedis, type StartRedisOptions, startRedis } from "../../src/testing.ts";
import { open, things } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

test("a Redis that a test starts is its own, and is gone with it", async () => {
  const urls: string[] = [];
  {
    await using first = await startRedis();
    await using second = await startRedis();
    urls.push(first.url, second.url);
    assert.is.not(first.url, second.url);
    const clients = urls.map((url) => new Redis(url));
    await clients[0]?.set("key", "first");
    assert.is(await clients[1]?.get("key"), null);
    for (const client of clients) client.disconnect();
  }
  for (const url of urls) {
    const client = new Redis(url, { retryStrategy: null, lazyConnect: true });
    client.on("error", () => undefined);
    await rejects(client.connect(), Error, /closed|ECONNREFUSED/);
  }
});

test("an option that startRedis does not know is refused", async () => {
  await rejects(startRedis({ images: "redis:8" } as StartRedisOptions), ConfigError, /no option "images"/);
});

test("captured spans are those of one journey, with the attributes by which they are found, and go with the capture", async () => {
  const channel = things("things", { correlation: ({ n }) => ({ "order.id": `o-${n}` }) });
  {
    using spans = captureSpans();
    assert.throws(() => captureSpans(), /another OpenTelemetry SDK/);
    await using o = await open();
    const component = await o.run(
      o.backbone.component("c", [
        on(channel, ({ payload: { n } }) => {
          if (n === 2) throw new Error("two");
        }),
      ]),
    );
    await component.whenSettled(await o.backbone.publish(channel, { n: 1 }));
    await component.drain();
    const [send, handled] = [spans.one("send things"), spans.one("process things")];
    assert.is(handled.parentSpanId, send.spanId);
    assert.is(handled.traceId, send.traceId);
    assert.equal(handled.links, [{ traceId: send.traceId, spanId: send.spanId }]);
    assert.is(handled.attributes["order.id"], "o-1");
    assert.is(handled.error, undefined);
    assert.throws(
      () => spans.one("process nothing"),
      /there are 0 spans "process nothing" among: send things, process/,
    );
    spans.clear();
    assert.equal(spans.all(), []);
  }
  assert.not(trace.getTracer("after").startSpan("x").isRecording());
  using again = captureSpans();
  trace.getTracer("after").startSpan("y").end();
  assert.is(again.one("y").parentSpanId, undefined);
});

test("provideRedis takes the server that REDIS_URL names, of the process where it is told of no other", async () => {
  const { REDIS_URL: own } = process.env;
  process.env["REDIS_URL"] = "redis://there:1";
  try {
    assert.is((await provideRedis()).url, "redis://there:1");
    const { url, isGiven } = await provideRedis({ env: { REDIS_URL: "redis://here:2" } });
    assert.equal([url, isGiven], ["redis://here:2", true]);
    delete process.env["REDIS_URL"];
    await using started = await provideRedis();
    assert.match(started.url, /^redis:\/\/127\.0\.0\.1:\d+$/);
    assert.not(started.isGiven);
  } finally {
    if (own === undefined) delete process.env["REDIS_URL"];
    else process.env["REDIS_URL"] = own;
  }
});

test("startRedis advises what it takes where there is no server to start", async () => {
  const { PATH } = process.env;
  process.env["PATH"] = "/nowhere";
  try {
    const { message } = await rejects(startRedis(), ConfigError, /is needed, and none was found/);
    assert.match(
      message,
      /startRedis\(\{ image: "redis:8" \}\), or let provideRedis take the server that REDIS_URL names/,
    );
    assert.not.match(message, /set REDIS_URL/);
  } finally {
    process.env["PATH"] = PATH;
  }
});
