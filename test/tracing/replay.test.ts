/** The spans of a replayed component: traces of their own, linked to the original ones, and none that looks live. */

import { type Span as ApiSpan, metrics, SpanKind, trace } from "@opentelemetry/api";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import * as assert from "uvu/assert";
import { on, PermanentError, withBaggage } from "../../src/index.ts";
import { openLog, replayComponent } from "../../src/replay.ts";
import { open, things } from "../support/backbone.ts";
import { test } from "../support/test.ts";
import { recorded, registerSdk } from "./recorded.ts";

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

const ins = things("ins", { correlation: ({ n }) => ({ "order.id": `o-${n}` }) });
const more = things("more");
const outs = things("outs");

function linksOf(span: ReadableSpan): readonly string[] {
  return span.links.map(({ context }) => context.spanId);
}

test("a replay is a run with traces of its own, each linked to the run and to the original, and nothing is sent or measured", async () => {
  registerSdk();
  await using o = await open({ baggage: { allow: ["user.id"] } });
  const subscriptions = [
    on(ins, async ({ payload: { n } }, { publish }) => {
      if (n === 3) throw new PermanentError("bad");
      trace.getTracer("handler").startActiveSpan("work", (span: ApiSpan) => span.end());
      await publish(outs, { n });
    }),
    on(more, { batch: { maxSize: 2, maxWaitMs: 10_000 } }, async (events, { publish }) => {
      await publish(outs, { n: events.length }, { causedBy: events });
    }),
  ];
  const component = o.backbone.component("c", subscriptions);
  const run = component.run();
  const refs = await withBaggage({ "user.id": "ann" }, () =>
    Promise.all([1, 2, 3].map((n) => o.backbone.publish(ins, { n }))),
  );
  const together = await Promise.all([4, 5].map((n) => o.backbone.publish(more, { n })));
  await component.whenIdle();
  await component.drain();
  await run;
  const live = recorded();
  const source = await openLog(o.backbone, ["ins", "more"], { components: ["c"] });

  const reader = new Reader();
  metrics.disable();
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  const replay = replayComponent({ source, component: "c", subscriptions });
  // As from a command that is traced itself: the run is a trace of its own all the same.
  const calls = await trace.getTracer("command").startActiveSpan("command", async (span: ApiSpan) => {
    const all = [];
    for await (const call of replay.calls()) all.push(call);
    span.end();
    return all;
  });
  const spans = recorded().filter(({ name }) => name !== "command");

  const ofRun = spans.filter(({ name }) => name === "replay ins,more");
  const [whole] = ofRun;
  assert.is(ofRun.length, 1);
  assert.equal([whole?.kind, whole?.parentSpanContext], [SpanKind.INTERNAL, undefined]);
  const runId = replay.summary?.runId;
  assert.equal(whole?.attributes["throughline.replay.run"], runId);
  assert.equal(whole?.attributes["throughline.replay.entries"], 5);
  assert.equal(whole?.attributes["messaging.consumer.group.name"], "c");

  const processes = spans.filter(({ name }) => name.startsWith("process "));
  assert.equal(processes.map(({ name }) => name).sort(), ["process ins", "process ins", "process ins", "process more"]);
  const liveTraces = new Set(live.map((span) => span.spanContext().traceId));
  for (const span of processes) {
    assert.equal([span.kind, span.parentSpanContext], [SpanKind.CONSUMER, undefined]);
    assert.is(span.attributes["throughline.replay.run"], runId);
    assert.ok(linksOf(span).includes(whole?.spanContext().spanId ?? ""), "linked to the run");
    assert.not(liveTraces.has(span.spanContext().traceId), "no live trace goes on");
  }
  assert.is(new Set(spans.map((span) => span.spanContext().traceId)).size, 5, "the run, three events and a batch");
  for (const [i, ref] of refs.entries()) {
    const span = processes.find(({ attributes }) => attributes["order.id"] === `o-${i + 1}`);
    assert.ok(span !== undefined && linksOf(span).includes(ref.traceparent.slice(36, 52)), "linked to the original");
    assert.is(span?.attributes["user.id"], "ann");
    assert.is(span?.attributes["throughline.outcome"], i === 2 ? "deadLettered" : "acked");
  }
  const batch = processes.find(({ name }) => name === "process more");
  for (const { traceparent } of together) assert.ok(linksOf(batch as ReadableSpan).includes(traceparent.slice(36, 52)));

  const rest = spans.filter((span) => !processes.includes(span) && span !== whole);
  assert.equal(
    rest.map(({ name }) => name),
    ["work", "work"],
    "the handlers' own spans, and no span that something was sent",
  );
  for (const output of calls.flatMap(({ outputs }) => outputs)) {
    const traceId = output.envelope?.traceparent.slice(3, 35) ?? "";
    assert.ok(
      processes.some((span) => span.spanContext().traceId === traceId),
      "an output names the attempt that made it",
    );
  }
  const { resourceMetrics } = await reader.collect();
  assert.equal(
    resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics.map(({ descriptor }) => descriptor.name)),
    [],
  );
});

test("a replay without a tracer gives outputs without a trace", async () => {
  registerSdk();
  await using o = await open({ baggage: { allow: ["user.id"] } });
  const subscriptions = [on(ins, ({ payload: { n } }, { publish }) => void publish(outs, { n }))];
  const component = o.backbone.component("c", subscriptions);
  const run = component.run();
  await withBaggage({ "user.id": "ann" }, () => o.backbone.publish(ins, { n: 1 }));
  await component.whenIdle();
  await component.drain();
  await run;
  trace.disable();
  const source = await openLog(o.backbone, ["ins"], { components: ["c"] });
  for await (const call of replayComponent({ source, component: "c", subscriptions }).calls()) {
    const envelope = call.outputs[0]?.envelope;
    assert.is(envelope?.traceparent, "");
    assert.is(envelope?.tracestate, "");
    assert.is(envelope?.baggage, "order.id=o-1,user.id=ann");
  }
});
