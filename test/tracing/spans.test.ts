/** Spans, links and attributes of each moment, as the SDK records them. */

import { context, SpanKind, TraceFlags, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import * as assert from "uvu/assert";
import { withBaggage } from "../../src/tracing/baggage.ts";
import { test } from "../support/test.ts";
import { named, Rig, recorded, registerSdk, spanIdsOf, usePropagator } from "./recorded.ts";

const spanIdOf = (traceparent: string): string => traceparent.split("-")[2] ?? "";

test("publishAll is a create span each and one send span that links to them", () => {
  registerSdk();
  const rig = new Rig({ allow: ["user.id"] });
  const spans = withBaggage({ "user.id": "u" }, () =>
    rig.tracing.sendAll(
      ["a", "b", "c"].map((eventId) => rig.sending({ eventId, correlation: { "client.order_id": eventId } })),
    ),
  );
  spans[0]?.sent("1-0");
  spans[1]?.sent("1-1");
  assert.is(recorded().length, 2, "the send span is open until the last event is appended");
  spans[2]?.sent("1-2");
  const send = named(
    recorded().filter(({ name }) => name.startsWith("send")),
    "send orders",
  );
  assert.is(send.kind, SpanKind.CLIENT);
  assert.is(send.attributes["messaging.batch.message_count"], 3);
  assert.is(send.attributes["user.id"], "u");
  assert.equal(send.attributes["client.order_id"], ["a", "b", "c"]);
  assert.equal(
    spanIdsOf(send.links),
    spans.map(({ carrier }) => spanIdOf(carrier.traceparent)),
  );
});

test("a single event's span has its producer as parent and as link", () => {
  registerSdk();
  const rig = new Rig();
  const cause = rig.published("cause");
  const entry = {
    ...rig.published("e"),
    causes: [
      { id: "cause", traceparent: cause.carrier.traceparent },
      { id: "x", traceparent: "" },
    ],
  };
  rig.process([entry]).settled("acked");
  const span = named(recorded(), "process orders");
  assert.is(span.parentSpanContext?.spanId, spanIdOf(entry.carrier.traceparent));
  assert.equal(spanIdsOf(span.links), [spanIdOf(entry.carrier.traceparent), spanIdOf(cause.carrier.traceparent)]);
});

test("topology link starts a new trace that links to the producer", () => {
  registerSdk();
  const rig = new Rig();
  const entry = rig.published("e");
  rig.process([entry], { channel: { name: "linked", topology: "link" } }).settled("acked");
  const span = named(recorded(), "process linked");
  assert.is(span.parentSpanContext, undefined);
  assert.not.match(entry.carrier.traceparent, span.spanContext().traceId);
  assert.equal(spanIdsOf(span.links), [spanIdOf(entry.carrier.traceparent)]);
});

test("a batch has no parent and links to each producer; its outputs link to exactly their causes", () => {
  registerSdk();
  const rig = new Rig();
  const entries = ["a", "b", "c"].map((id) =>
    rig.published(id, { correlation: { "client.order_id": id, "user.id": "u" } }),
  );
  recorded();
  const span = rig.process(entries);
  const causes = entries.slice(0, 2).map(({ eventId, carrier }) => ({ id: eventId, traceparent: carrier.traceparent }));
  const output = span.run(() => span.send(rig.sending({ channel: { name: "out", topology: "parent" }, causes })));
  output.sent("2-0");
  span.settled("acked");
  const spans = recorded();
  const [process, ...others] = spans.filter((one) => one.attributes["messaging.batch.message_count"] === 3);
  if (process === undefined) throw new Error("there is no span of the batch");
  assert.is(others.length, 0);
  assert.is(process.parentSpanContext, undefined);
  assert.equal(
    spanIdsOf(process.links),
    entries.map(({ carrier }) => spanIdOf(carrier.traceparent)),
  );
  assert.equal(process.attributes["client.order_id"], ["a", "b", "c"]);
  assert.is(process.attributes["user.id"], "u");
  assert.is(process.attributes["messaging.batch.message_count"], 3);
  assert.is(process.attributes["messaging.message.id"], undefined);
  const send = named(spans, "send out");
  const own = spans.find((one) => one.name === "process orders" && one.attributes["client.order_id"] === "a");
  assert.is(own?.parentSpanContext?.spanId, spanIdOf(causes[0]?.traceparent ?? ""), "the event's own, in its trace");
  assert.is(send.parentSpanContext?.spanId, own?.spanContext().spanId);
  assert.equal(
    spanIdsOf(send.links),
    causes.map(({ traceparent }) => spanIdOf(traceparent)),
  );
  assert.is(output.carrier.baggage, "client.order_id=a|b,user.id=u");
  assert.is(send.attributes["client.order_id"], "a", "those of the story that it is in");
});

test("a span links to sampled spans, as many as it can hold, and the total is said", () => {
  registerSdk();
  const rig = new Rig();
  const entriesOf = (sampled: number) =>
    Array.from({ length: 300 }, (_, i) => {
      const ids = `${String(i + 1).padStart(32, "0")}-${String(i + 1).padStart(16, "0")}`;
      const carrier = { traceparent: `00-${ids}-${i < 300 - sampled ? "00" : "01"}`, tracestate: "", baggage: "" };
      return { entryId: `${i}-0`, eventId: `e${i}`, carrier, causes: [], correlation: {}, time: 1 };
    });
  const batchOf = (sampled: number): ReadableSpan => {
    rig.process(entriesOf(sampled)).settled("acked");
    const spans = recorded();
    assert.is(spans.length, 1 + sampled, "the batch, and each sampled event of it");
    return spans.find(({ parentSpanContext }) => parentSpanContext === undefined) as ReadableSpan;
  };
  const few = batchOf(100);
  assert.is(few.links.length, 100);
  assert.ok(few.links.every(({ context: linked }) => linked.traceFlags & TraceFlags.SAMPLED));
  assert.is(few.attributes["throughline.links.total"], undefined);
  const many = batchOf(200);
  assert.equal([many.links.length, many.droppedLinksCount, many.attributes["throughline.links.total"]], [128, 0, 200]);
});

test("an output is a child of the user's span where that is within the handler's, else of the handler's", async () => {
  registerSdk();
  const rig = new Rig();
  const span = rig.process([rig.published("e")]);
  await span.run(async () => {
    await null;
    await trace.getTracer("user").startActiveSpan("user", async (user) => {
      span.send(rig.sending({ channel: { name: "inside", topology: "parent" } })).sent("1-0");
      user.end();
    });
  });
  trace.getTracer("user").startActiveSpan("elsewhere", (user) => {
    span.send(rig.sending({ channel: { name: "outside", topology: "parent" } })).sent("1-0");
    user.end();
  });
  span.settled("acked");
  const spans = recorded();
  assert.is(named(spans, "send inside").parentSpanContext?.spanId, named(spans, "user").spanContext().spanId);
  assert.is(named(spans, "send outside").parentSpanContext?.spanId, spanIdOf(span.traceparent));
});

test("the user's id comes along as baggage to spans whose payload does not have it", () => {
  registerSdk();
  const rig = new Rig({ allow: ["user.id"] });
  const order = withBaggage({ "user.id": "u" }, () => rig.published("e"));
  const span = rig.process([order]);
  const fill = span.run(() => span.send(rig.sending({ correlation: { "order.id": "o" } })));
  fill.sent("1-0");
  span.settled("acked");
  for (const { name, attributes } of recorded()) assert.is(attributes["user.id"], "u", name);
  assert.is(fill.carrier.baggage, "order.id=o,user.id=u");
});

test("attributes of any odd type are left out or made fit, and the rest stays", () => {
  registerSdk();
  const rig = new Rig();
  const correlation = {
    symbol: Symbol("s"),
    object: { a: 1 },
    date: new Date(0),
    nothing: null,
    fraction: Number.NaN,
    whole: 12n,
    list: ["a", 1, null, ["deep"], "a"],
    long: "x".repeat(5_000),
    get thrower(): never {
      throw new Error("no");
    },
    "user.id": "u",
  } as never;
  rig.published("e", { correlation });
  const { attributes } = named(recorded(), "send orders");
  assert.equal([attributes["user.id"], attributes["whole"], attributes["list"]], ["u", "12", ["a", "1"]]);
  assert.is((attributes["long"] as string).length, 1_024);
  for (const key of ["symbol", "object", "date", "nothing", "fraction", "thrower"])
    assert.is(attributes[key], undefined, key);
  assert.is(rig.warnings.length, 1);
  assert.match(rig.warnings[0] ?? "", /"long" is left out of the baggage/);
});

test("the trace goes on by the wire's own format, whatever propagator is registered", () => {
  registerSdk();
  const fault = (): never => {
    throw new Error("broken propagator");
  };
  usePropagator({ inject: fault, extract: fault, fields: () => [] });
  const rig = new Rig({ allow: ["user.id"] });
  for (let i = 0; i < 3; i++) {
    const entry = rig.published("e", { baggage: { "user.id": "u" } });
    rig.process([entry]).settled("acked");
    const spans = recorded();
    assert.is(
      named(spans, "process orders").parentSpanContext?.spanId,
      named(spans, "send orders").spanContext().spanId,
    );
    assert.is(entry.carrier.baggage, "user.id=u");
  }
  assert.equal(rig.warnings, []);
});

test("a tracer that throws is logged once, and events are handled without spans", () => {
  registerSdk();
  trace.disable();
  const broken = {
    startSpan: () => {
      throw new Error("broken tracer");
    },
  };
  trace.setGlobalTracerProvider({ getTracer: () => broken as never });
  const rig = new Rig({ allow: ["user.id"] });
  for (let i = 0; i < 3; i++) {
    const entry = rig.published("e", { baggage: { "user.id": "u" } });
    assert.is(entry.carrier.baggage, "user.id=u");
    const span = rig.process([entry]);
    assert.is(
      span.run(() => 7),
      7,
    );
    span.send(rig.sending()).failed(new Error("x"));
    span.sendDead().sent("1-0");
    span.settled("deadLettered", undefined);
    for (const one of rig.tracing.sendAll([rig.sending(), rig.sending()])) one.sent("1-0");
  }
  assert.is(rig.warnings.length, 2);
});

test("an invalid carrier starts a new trace", () => {
  registerSdk();
  const rig = new Rig();
  const carrier = { traceparent: "00-zz", tracestate: "x", baggage: "x".repeat(5_000) };
  rig.process([{ ...rig.published("e"), carrier }]).settled("acked");
  const span = named(recorded(), "process orders");
  assert.is(span.parentSpanContext, undefined);
  assert.equal(span.links, []);
});

test("nothing that runs quietly is a span, and nothing at root inherits one", () => {
  registerSdk();
  const { tracing } = new Rig();
  const redis = trace.getTracer("redis");
  trace.getTracer("user").startActiveSpan("user", (user) => {
    tracing.quietly(() => redis.startSpan("evalsha").end());
    tracing.atRoot(() => assert.is(trace.getSpan(context.active()), undefined));
    user.end();
  });
  assert.equal(
    recorded().map(({ name }) => name),
    ["user"],
  );
  const loud = new Rig({ redisSpans: true });
  loud.tracing.quietly(() => redis.startSpan("evalsha").end());
  assert.equal(
    recorded().map(({ name }) => name),
    ["evalsha"],
  );
});

test("an SDK that is registered late is noticed", () => {
  registerSdk();
  trace.disable();
  const rig = new Rig();
  assert.is(rig.published("e").carrier.traceparent, "");
  registerSdk();
  assert.match(rig.published("e").carrier.traceparent, /^00-/);
});

test("knows the component whose handler runs, beneath spans of its own as well, and outside of it none", async () => {
  registerSdk();
  const [rig, other] = [new Rig(), new Rig()];
  const found = await rig.process([rig.published("e")]).run(async () => {
    await null;
    const inner = trace.setSpan(context.active(), trace.getTracer("t").startSpan("inner"));
    return [rig.tracing.handling(), context.with(inner, () => rig.tracing.handling()), other.tracing.handling()];
  });
  assert.equal(found, ["c", "c", undefined]);
  assert.is(rig.tracing.handling(), undefined);
});
