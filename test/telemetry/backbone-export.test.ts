/** The backbone's spans in a process set up by `startTelemetry`: the cases in which its own exporter is used, and that all spans arrive. */

import { ProxyTracerProvider, SpanKind, trace } from "@opentelemetry/api";
import * as assert from "uvu/assert";
import { readSettings } from "../../src/telemetry/setup/settings.ts";
import { LeanSpan } from "../../src/telemetry/spans/backbone-span.ts";
import { ownSpansOf } from "../../src/telemetry/spans/backbone-spans.ts";
import { startTelemetry } from "../../src/telemetry.ts";
import { currentSource, type Opening, type SpanSource } from "../../src/tracing/sdk.ts";
import { test } from "../support/test.ts";
import { LocalReceiver } from "./local-receiver.ts";

const opening: Opening = {
  name: "process orders",
  kind: SpanKind.CONSUMER,
  parent: undefined,
  context: undefined,
  links: [],
  statics: Object.freeze({ "messaging.system": "redis", "messaging.operation.name": "process" }),
  attributes: {},
};

function open(source: SpanSource | undefined, number: number) {
  const link = { context: { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 } };
  const place = { ...opening, links: [link], attributes: { number, "order.id": `o-${number}` } };
  assert.is(source?.decline(place), undefined);
  return source?.open(place);
}

function flush(): Promise<void> {
  const provider = trace.getTracerProvider();
  const sdk = (provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider) as unknown;
  return (sdk as { forceFlush(): Promise<void> }).forceFlush();
}

test(
  "a burst of 100,000 spans arrives whole, beside the user's spans, which stay the SDK's",
  async () => {
    await using receiver = await LocalReceiver.start();
    process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.endpoint;
    process.env["OTEL_METRICS_EXPORTER"] = "none";
    process.env["LOG_LEVEL"] = "error";
    await using telemetry = await startTelemetry({ serviceName: "burst", shutdownTimeoutMs: 10_000 });
    const source = currentSource();
    const user = trace.getTracer("user").startSpan("user's own");
    assert.not.ok(user instanceof LeanSpan);
    user.end();
    const count = 100_000;
    for (let i = 0; i < count; i++) {
      const span = open(source, i);
      assert.ok(span instanceof LeanSpan);
      span.end();
      // A Collector receives up to 64 KiB in one turn of the event loop; no real process ends more spans than that in one turn.
      if (i % 20 === 19) await new Promise(setImmediate);
    }
    await flush();
    const { spans: ours, others } = receiver.take("throughline");
    assert.is(ours.length, count);
    assert.is(new Set(ours.map(({ spanId }) => spanId)).size, count);
    const orders = ours.map(({ attributes }) =>
      (attributes as { key: string; value: { stringValue: string } }[]).find(({ key }) => key === "order.id"),
    );
    assert.is(new Set(orders.map((order) => order?.value.stringValue)).size, count);

    open(source, count)?.end();
    await telemetry.shutdown();
    const last = receiver.take("throughline");
    assert.equal([last.spans.length, others + last.others], [1, 1]);
  },
  { timeoutMs: 120_000 },
);

/** Tells whether a process with these variables exports the backbone's spans by its own exporter. */
function isOwn(env: Readonly<Record<string, string>>): boolean {
  const before = process.env;
  process.env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", ...env };
  try {
    const settings = readSettings(process.env);
    if (typeof settings === "string") throw new Error(`there is nothing to export: ${settings}`);
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    return (
      ownSpansOf({ settings, log, onDropped: () => undefined, shutdownTimeoutMs: 0, maxHeldBytes: 1 }) !== undefined
    );
  } finally {
    process.env = before;
  }
}

test("the SDK makes all spans where a variable asks for something that only the SDK can do", () => {
  for (const env of [
    {},
    { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.1" },
    { OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc" },
    { OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: "5", OTEL_SPAN_LINK_COUNT_LIMIT: "" },
  ]) {
    assert.is(isOwn(env), true, JSON.stringify(env));
  }
  for (const env of [
    { OTEL_TRACES_SAMPLER: "always_on" },
    { OTEL_TRACES_SAMPLER: "traceidratio" },
    { OTEL_TRACES_SAMPLER: "jaeger_remote" },
    { OTEL_TRACES_EXPORTER: "otlp,console" },
    { OTEL_TRACES_EXPORTER: "console" },
    { OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" },
    { OTEL_CONFIG_FILE: "otel.yaml" },
    { OTEL_SPAN_LINK_COUNT_LIMIT: "10" },
    { OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: "10" },
    { OTEL_ATTRIBUTE_COUNT_LIMIT: "10" },
    { OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: "10" },
    { OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: "10" },
  ]) {
    assert.is(isOwn(env), false, JSON.stringify(env));
  }
});
