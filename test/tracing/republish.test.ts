/** Spans of a replay that republishes: new traces, each linked to the original and to the run, and handling spans linked likewise. */

import { SpanKind, trace } from "@opentelemetry/api";
import * as assert from "uvu/assert";
import type { Carrier } from "../../src/model/carrier.ts";
import { markCauses } from "../../src/model/replay-mark.ts";
import { test } from "../support/test.ts";
import { named, Rig, recorded, registerSdk, spanIdsOf } from "./recorded.ts";

const channel = { name: "orders", topology: "parent" } as const;
const original: Carrier = {
  traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01`,
  tracestate: "vendor=x",
  baggage: "user.id=u%3A1,client.order_id=c-1",
};
const republishing = { channel, partition: 2, eventId: "new", carrier: original };

test("each event is sent in a trace of its own, linked to the run and to the original", () => {
  registerSdk();
  const { tracing } = new Rig();
  const run = tracing.replay({ runId: "r-1", channels: ["orders"] });
  const sends = [run.republish(republishing), run.republish({ ...republishing, eventId: "other" })];
  for (const [i, send] of sends.entries()) send.sent(`5-${i}`);
  run.ended(2);
  const spans = recorded();
  const runSpan = named(spans, "replay orders");
  assert.equal([runSpan.kind, runSpan.parentSpanContext], [SpanKind.INTERNAL, undefined]);
  const [first, second] = spans.filter(({ name }) => name === "send orders");
  assert.equal([first?.kind, first?.parentSpanContext], [SpanKind.PRODUCER, undefined]);
  assert.equal(spanIdsOf(first?.links ?? []), [runSpan.spanContext().spanId, "2".repeat(16)]);
  const traces = [first, second, runSpan].map((span) => span?.spanContext().traceId);
  assert.is(new Set([...traces, "1".repeat(32)]).size, 4);
  assert.is(first?.attributes["throughline.replay.run"], "r-1");
  assert.is(first?.attributes["user.id"], "u:1");
  assert.is(first?.attributes["messaging.message.id"], "5-0");
  assert.is(first?.attributes["messaging.message.conversation_id"], "new");
});

test("the entry carries its own trace and the baggage that it had", () => {
  registerSdk();
  const run = new Rig().tracing.replay({ runId: "r-1", channels: ["orders"] });
  const { carrier } = run.republish(republishing);
  assert.is.not(carrier.traceparent.slice(3, 35), "1".repeat(32));
  assert.match(carrier.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  assert.equal([carrier.baggage, carrier.tracestate], [original.baggage, ""]);
});

test("without an SDK the entry carries no trace, and the baggage that it had", () => {
  trace.disable();
  const run = new Rig().tracing.replay({ runId: "r-1", channels: ["orders"] });
  assert.equal(run.republish(republishing).carrier, { traceparent: "", tracestate: "", baggage: original.baggage });
  assert.is(run.traceparent, "");
});

test("the handling of a replayed event is linked to the original and to the run, and is in the trace of neither", () => {
  registerSdk();
  const rig = new Rig();
  const run = rig.tracing.replay({ runId: "r-1", channels: ["orders"] });
  const send = run.republish(republishing);
  send.sent("5-0");
  run.ended(1);
  const { traceparent } = original;
  const causes = markCauses({ id: "r-1", traceparent: run.traceparent }, { id: "old", traceparent }, []);
  const { carrier } = send;
  rig.process([{ entryId: "5-0", eventId: "new", carrier, causes, correlation: {}, time: 1 }]).settled("acked");
  const spans = recorded();
  const handled = named(spans, "process orders");
  const sent = named(spans, "send orders").spanContext();
  assert.is(handled.spanContext().traceId, sent.traceId);
  const runId = named(spans, "replay orders").spanContext().spanId;
  assert.equal(new Set(spanIdsOf(handled.links)), new Set([sent.spanId, runId, "2".repeat(16)]));
});

test("a failure is an error of its span, and of the run's", () => {
  registerSdk();
  const run = new Rig().tracing.replay({ runId: "r-1", channels: ["a", "b"] });
  run.republish(republishing).failed(new Error("full"));
  run.ended(0, new Error("full"));
  for (const { name, status } of recorded()) assert.is(status.code, 2, name);
});
