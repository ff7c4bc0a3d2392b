/** A Collector that accepts, hangs, refuses, goes and comes back: seen from its end of the wire, and from the sending process. */

import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";
import { Collector } from "./collector.ts";
import { type Emitter, startEmitter } from "./emitter.ts";

const spansOfEvent = 3;

/**
 * Bounds that a busy machine keeps and a process that waits for the Collector does not: an export that hangs is given up after
 * `exportTimeoutMs`, and one that is refused never succeeds. The emitter's own deadline for a shutdown is 2,000 ms.
 */
const exportTimeoutMs = 20_000;
const maxEventsMs = 10_000;
const maxShutdownMs = 6_000;

function patient({ endpoint }: Collector): Record<string, string> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: String(exportTimeoutMs) };
}

/** The numbers in the closing lines about lost spans. */
function lostBy(emitter: Emitter): number[] {
  return [...emitter.log().matchAll(/"spans":(\d+),"msg":"spans of this process are lost in all/g)].map(([, spans]) =>
    Number(spans),
  );
}

async function assertEventsWaitForNothing(emitter: Emitter): Promise<void> {
  const ms = await emitter.tell("events 1000");
  assert.ok(ms < maxEventsMs, `1,000 events took ${ms} ms`);
}

async function assertShutdownKeepsDeadline(emitter: Emitter): Promise<void> {
  const ms = await emitter.tell("stop");
  assert.ok(ms < maxShutdownMs, `shutdown took ${ms} ms`);
  assert.is((await emitter.end()).code, 0);
}

test("spans and metrics of one event arrive under the conventions' names", async () => {
  await using collector = await Collector.start();
  await using emitter = await startEmitter({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  await emitter.tell("events 1");
  await emitter.tell("stop");
  await collector.until(({ spans }) => spans.length === spansOfEvent);
  const [send, processed, output] = ["send client-orders", "process client-orders", "send exchange-orders"].map(
    (name) => collector.spans.find((span) => span.name === name),
  );
  if (!send || !processed || !output) throw new Error("a span is missing");

  assert.equal([send.kind, processed.kind, output.kind], ["PRODUCER", "CONSUMER", "PRODUCER"]);
  assert.is(send.parentSpanId, "");
  assert.is(processed.parentSpanId, send.spanId);
  assert.is(output.parentSpanId, processed.spanId);
  assert.equal(processed.links, [{ traceId: send.traceId, spanId: send.spanId }]);
  assert.equal(output.links, []);
  assert.equal(processed.attributes, {
    "messaging.system": "redis",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.destination.name": "client-orders",
    "messaging.destination.partition.id": "0",
    "messaging.consumer.group.name": "algorithm",
    "messaging.client.id": "algorithm-1",
    "messaging.message.id": "1700000000000-0",
    "messaging.message.conversation_id": "event-0",
    "server.address": "127.0.0.1",
    "server.port": 6379,
    "event.type": "client-order",
    "user.id": "u-1",
    "client.order_id": "c-1",
    "throughline.attempt": 1,
    "throughline.claimed": false,
    "throughline.outcome": "acked",
  });
  assert.equal(
    [output.attributes["user.id"], output.attributes["client.order_id"], output.attributes["order.id"]],
    ["u-1", "c-1", "x-1"],
  );
  assert.is(send.service, "emitter");
  assert.is(send.resource["process.command_args"], undefined);
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  assert.equal([send.resource["service.version"], send.resource["host.name"]], [version, hostname()]);
  assert.equal([send.scopeVersion, send.schemaUrl], [version, "https://opentelemetry.io/schemas/1.45.0"]);

  const metric = (name: string) => collector.metrics.find((one) => one.name === name);
  await collector.until(({ metrics }) => metrics.some(({ name }) => name === "messaging.process.duration"));
  assert.is(
    metric("messaging.client.sent.messages")?.points.reduce((sum, { value }) => sum + value, 0),
    2,
  );
  assert.equal(metric("messaging.process.duration")?.unit, "s");
  assert.equal(
    metric("messaging.process.duration")?.points[0]?.bounds,
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  );
  assert.is(
    metric("messaging.client.consumed.messages")?.points[0]?.attributes["messaging.consumer.group.name"],
    "algorithm",
  );
  for (const name of [
    "messaging.process.duration",
    "messaging.client.operation.duration",
    "messaging.client.sent.messages",
  ]) {
    const of = metric(name)?.points[0]?.attributes ?? {};
    assert.equal(
      [of["messaging.operation.name"], of["server.address"], of["server.port"]],
      [of["messaging.operation.type"], "127.0.0.1", 6379],
    );
  }
  for (const { points } of collector.metrics) {
    for (const { attributes } of points)
      assert.is(attributes["user.id"] ?? attributes["messaging.message.id"], undefined);
  }
  assert.match(emitter.log(), `"trace_id":"${processed.traceId}","span_id":"${processed.spanId}"`);
});

test("each attempt is a span, linked to the one before, and the dead letter is a child of the last", async () => {
  await using collector = await Collector.start();
  await using emitter = await startEmitter({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  await emitter.tell("retries");
  await emitter.tell("stop");
  await collector.until(({ spans }) => spans.length === 4);
  const send = collector.spans.find(({ name }) => name === "send client-orders");
  const attempts = collector.spans.filter(({ name }) => name === "process client-orders");
  const [first, second] = attempts.sort(
    (a, b) => Number(a.attributes["throughline.attempt"]) - Number(b.attributes["throughline.attempt"]),
  );
  const dead = collector.spans.find(({ name }) => name === "send client-orders:dead");
  if (!send || !first || !second || !dead) throw new Error("a span is missing");

  assert.equal([first.parentSpanId, second.parentSpanId], [send.spanId, send.spanId]);
  assert.equal(
    first.links.map(({ spanId }) => spanId),
    [send.spanId],
  );
  assert.equal(
    second.links.map(({ spanId }) => spanId),
    [send.spanId, first.spanId],
  );
  assert.equal([first.status, first.attributes["error.type"]], ["ERROR", "TypeError"]);
  assert.equal(
    [first.attributes["throughline.outcome"], second.attributes["throughline.outcome"]],
    ["retried", "deadLettered"],
  );
  assert.equal([dead.kind, dead.parentSpanId], ["CLIENT", second.spanId]);
  assert.equal(
    dead.links.map(({ spanId }) => spanId),
    [send.spanId],
  );
});

for (const fault of ["absent", "refuse"] as const) {
  test(
    `spans of a time when the Collector is to ${fault} arrive after it`,
    async () => {
      await using collector = await Collector.start();
      await using emitter = await startEmitter({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
      await emitter.tell("events 2");
      await collector.until(({ spans }) => spans.length === 2 * spansOfEvent);
      await collector.become(fault);
      await emitter.tell("events 1000");
      await collector.become("accept");
      await collector.until(({ spans }) => spans.length === 1_002 * spansOfEvent);
      await emitter.tell("stop");
      assert.not.match(emitter.log(), "dropped");
    },
    { timeoutMs: 90_000 },
  );
}

test("spans that a Collector took in while it hung arrive once it answers again", async () => {
  await using collector = await Collector.start();
  await using emitter = await startEmitter({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_TIMEOUT: "300",
  });
  await collector.become("hang");
  await emitter.tell("events 100");
  await collector.until(({ hung }) => hung > 0);
  await collector.become("accept");
  await collector.until(({ spans }) => spans.length === 100 * spansOfEvent);
});

test(
  "a Collector that hangs slows no event, and shutdown keeps its deadline",
  async () => {
    await using collector = await Collector.start();
    await collector.become("hang");
    await using emitter = await startEmitter(patient(collector));
    await assertEventsWaitForNothing(emitter);
    await collector.until(({ hung }) => hung > 0);
    await assertEventsWaitForNothing(emitter);
    await assertShutdownKeepsDeadline(emitter);
    assert.equal(lostBy(emitter), [2_000 * spansOfEvent], "one line says how many are lost");
  },
  { timeoutMs: 90_000 },
);

test(
  "a Collector that was never there costs no event anything, and shutdown keeps its deadline",
  async () => {
    await using collector = await Collector.start();
    await collector.become("absent");
    await using emitter = await startEmitter(patient(collector));
    await assertEventsWaitForNothing(emitter);
    await assertShutdownKeepsDeadline(emitter);
    assert.equal(lostBy(emitter), [1_000 * spansOfEvent]);
  },
  { timeoutMs: 90_000 },
);

test("spans that a Collector will never take are dropped, counted, and logged once", async () => {
  await using collector = await Collector.start();
  await collector.become("deny");
  await using emitter = await startEmitter({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  await emitter.tell("events 500");
  await emitter.tell("events 500");
  await emitter.tell("stop");
  assert.is(emitter.log().match(/spans are dropped/g)?.length, 1);
  assert.equal(lostBy(emitter), [1_000 * spansOfEvent]);
});

test("without an endpoint nothing is exported and nothing is said", async () => {
  await using emitter = await startEmitter({ LOG_LEVEL: "warn" });
  await emitter.tell("events 10");
  await emitter.tell("stop");
  assert.is((await emitter.end()).code, 0);
  assert.is(emitter.log(), "");
});

test("OTEL_SDK_DISABLED and OTEL_TRACES_EXPORTER=none keep spans from the Collector", async () => {
  await using collector = await Collector.start();
  for (const [name, value] of [
    ["OTEL_SDK_DISABLED", "true"],
    ["OTEL_TRACES_EXPORTER", "none"],
  ] as const) {
    await using emitter = await startEmitter({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, [name]: value });
    await emitter.tell("events 1");
    await emitter.tell("stop");
  }
  assert.equal(collector.spans, []);
});

test("OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before the code", async () => {
  await using collector = await Collector.start();
  await using emitter = await startEmitter({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_SERVICE_NAME: "renamed",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
  });
  await emitter.tell("events 1");
  await emitter.tell("stop");
  await collector.until(({ spans }) => spans.length === spansOfEvent);
  assert.equal([...new Set(collector.spans.map(({ service }) => service))], ["renamed"]);
  assert.is(collector.spans[0]?.resource["deployment.environment.name"], "test");
});

test("what is held is bounded in bytes, and the closing line is exact", async () => {
  await using collector = await Collector.start();
  await collector.become("absent");
  await using emitter = await startEmitter({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_METRICS_EXPORTER: "none",
    THROUGHLINE_TELEMETRY_MAX_BYTES: "700000",
  });
  await emitter.tell("events 1000");
  await collector.become("accept");
  await emitter.tell("stop");
  await collector.become("accept"); // its answer comes after all that has arrived
  const arrived = collector.spans.length;
  assert.ok(arrived > 0 && arrived < 2_000, `${arrived} spans were held`);
  assert.equal(lostBy(emitter), [1_000 * spansOfEvent - arrived]);
});

test("a process exits by itself within its deadline, whatever hangs", async () => {
  await using collector = await Collector.start();
  await collector.become("hang");
  await using emitter = await startEmitter({
    ...patient(collector),
    OTEL_METRIC_EXPORT_INTERVAL: "100",
    OTEL_METRIC_EXPORT_TIMEOUT: "100",
  });
  await emitter.tell("events 10");
  await collector.until(({ hung }) => hung > 1);
  await emitter.tell("stop");
  const { code, ms } = await emitter.end();
  assert.is(code, 0);
  assert.ok(ms < maxShutdownMs, `it took ${ms} ms more`);
});
