/** The Redis calls that become spans, and the position of a retry's timer in the trace. */

import { trace } from "@opentelemetry/api";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { z } from "zod";
import { connectBackbone, defineChannel, on } from "../../src/index.ts";
import { startTelemetry } from "../../src/telemetry.ts";
import { eventually } from "../support/eventually.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { Collector } from "./collector.ts";
import type { WireSpan } from "./otlp.ts";
import { named, Story } from "./story.ts";

const lined = defineChannel({
  name: "lined",
  schema: z.object({ text: z.string() }),
  key: () => "one line",
  correlation: ({ text }) => ({ "client.order_id": text, "user.id": `user-of-${text}` }),
  retry: { backoffMs: 50, jitter: 0 },
});

const notes = defineChannel({
  name: "notes",
  schema: z.object({ text: z.string() }),
  correlation: () => ({ "client.order_id": "c-1", "user.id": "u-1" }),
  retry: { backoffMs: 10, jitter: 0 },
});

test("the user's Redis calls are spans without arguments, the backbone's are no spans, and a retry follows from the attempt that failed", async () => {
  await using stack = new AsyncDisposableStack();
  const collector = stack.use(await Collector.start());
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.endpoint;
  process.env["OTEL_BSP_SCHEDULE_DELAY"] = "20";
  process.env["LOG_LEVEL"] = "error";
  const telemetry = stack.use(await startTelemetry({ serviceName: "notes" }));
  const { log } = telemetry;
  const tracer = trace.getTracer("user");
  const backbone = stack.use(
    await tracer.startActiveSpan("user's start", (span) =>
      connectBackbone({ url: redisUrl(), namespace: freshNamespace(), log }).finally(() => span.end()),
    ),
  );
  const redis = new Redis(redisUrl());
  stack.defer(() => redis.disconnect());

  const component = stack.use(
    backbone.component("reader", [
      on(notes, async (_event, { attempt, state }) => {
        await redis.eval("return ARGV[1]", 1, "secret-key", "secret-argument");
        state<number>("seen").set("c-1", attempt);
        if (attempt === 1) throw new Error("not yet");
      }),
      on(lined, async ({ payload }, { attempt }) => {
        if (attempt === 1) throw new Error("not yet");
        // The other one's timer fires meanwhile, so that it has to wait in line.
        if (payload.text === "first") await eventually(() => timersFired() === 2);
      }),
    ]),
  );
  const timersFired = (): number =>
    collector.spans.filter(
      ({ name, attributes }) => name === "process retry-reader" && String(attributes["user.id"]).startsWith("user-of-"),
    ).length;
  const running = component.run();
  const ref = await tracer.startActiveSpan("user's own", async (span) => {
    await redis.set("secret-key", "secret-argument");
    const published = await backbone.publish(notes, { text: "secret-payload" });
    await backbone.status();
    assert.is(await component.whenSettled(published), "acked");
    span.end();
    return published;
  });
  assert.is(await component.whenSettled(ref), "acked");
  const inLine = await Promise.all(["first", "second"].map((text) => backbone.publish(lined, { text })));
  for (const one of inLine) assert.is(await component.whenSettled(one), "acked");
  await component.drain();
  await running;
  await telemetry.shutdown();
  await collector.until(({ spans }) => spans.length >= 20);
  const { spans } = collector;
  const story = new Story(spans);

  const redisSpans = spans.filter(({ attributes }) => attributes["db.system.name"] !== undefined);
  assert.equal(redisSpans.map((span) => `${story.parentOf(span)?.name} > ${span.name}`).sort(), [
    "process notes > eval",
    "process notes > eval",
    "user's own > set",
  ]);
  assert.not.match(JSON.stringify(spans), /secret-/);

  const [first, second] = named(spans, "process notes").sort(
    (a, b) => Number(a.attributes["throughline.attempt"]) - Number(b.attributes["throughline.attempt"]),
  ) as [WireSpan, WireSpan];
  const [send] = named(spans, "send notes") as [WireSpan];
  assert.is(story.parentOf(send)?.name, "user's own");
  assert.equal([story.parentOf(first), story.parentOf(second)], [send, send]);
  assert.ok(story.linked(second).includes(first));
  const [set] = named(spans, "add retry-reader.retry") as [WireSpan];
  const [fired] = named(spans, "process retry-reader") as [WireSpan];
  assert.is(story.parentOf(set), first);
  assert.is(story.parentOf(fired), set);
  for (const hop of [set, fired]) assert.is(hop.attributes["client.order_id"], "c-1");
  for (const again of named(spans, "process lined").filter(
    ({ attributes }) => attributes["throughline.attempt"] === 2,
  )) {
    const order = again.attributes["client.order_id"];
    assert.equal(
      story.linked(again).map(({ name, attributes }) => `${name} ${attributes["client.order_id"]}`),
      ["send lined", "process lined"].map((name) => `${name} ${order}`),
    );
  }
  assert.is(spans.length, 20, spans.map(({ name }) => name).join(", "));
});
