/** Sampling by story: flag, trace and parent of what is published, and the spans of each sampled story. */

import { SpanKind, TraceFlags } from "@opentelemetry/api";
import * as assert from "uvu/assert";
import type { Carrier } from "../../src/model/carrier.ts";
import type { Delivered } from "../../src/ports/tracing.ts";
import type { EndedSpan } from "../../src/telemetry/spans/ended-span.ts";
import { test } from "../support/test.ts";
import { noSpans, useOwnSpans } from "./own-spans.ts";
import { Rig } from "./recorded.ts";

const out = { channel: { name: "out", topology: "parent" } } as const;

/** A client order as a producer has published it; its ids are made of its letter. */
function order(letter: string, sampled: boolean): Delivered {
  const hex = letter.charCodeAt(0).toString(16);
  return {
    entryId: `${letter.charCodeAt(0)}-0`,
    eventId: letter,
    carrier: {
      traceparent: `00-${hex.repeat(16)}-${hex.repeat(8)}-${sampled ? "01" : "00"}`,
      tracestate: "",
      baggage: `user.id=u-${letter},order=${letter}`,
    },
    causes: [],
    correlation: { order: letter },
    time: 1,
  };
}

const traceOf = (letter: string): string => letter.charCodeAt(0).toString(16).repeat(16);
const spanOf = (letter: string): string => letter.charCodeAt(0).toString(16).repeat(8);
const causesOf = (...orders: readonly Delivered[]) =>
  orders.map(({ eventId, carrier: { traceparent } }) => ({ id: eventId, traceparent }));
const linkedBy = (span: EndedSpan | undefined): string[] => span?.links.map(({ context }) => context.spanId) ?? [];
const inTrace = (spans: readonly EndedSpan[], letter: string): EndedSpan[] =>
  spans.filter(({ own }) => own.traceId === traceOf(letter));
const valueIn = ({ attributes, later }: EndedSpan, key: string): unknown =>
  later.includes(key) ? later[later.indexOf(key) + 1] : attributes[key];
const arrived = (
  carrier: Carrier,
  eventId: string,
  correlation: Delivered["correlation"],
  causes = causesOf(),
): Delivered => ({
  entryId: `${eventId}-0`,
  eventId,
  carrier: { ...carrier },
  causes,
  correlation,
  time: 1,
});

test("of a batch each sampled event has a span in its own trace, linked to the batch's; unsampled ones have none", () => {
  const ended = useOwnSpans();
  const rig = new Rig();
  const orders = [order("a", false), order("b", true), order("c", false), order("d", true)];
  const attempt = rig.process(orders);
  attempt.settled("acked");
  const [batch] = ended.filter(({ parent }) => parent === undefined);
  assert.is(ended.length, 3);
  assert.equal(linkedBy(batch), [spanOf("b"), spanOf("d")]);
  assert.equal(valueIn(batch as EndedSpan, "order"), ["b", "d"], "the batch names the sampled ones");
  assert.is(valueIn(batch as EndedSpan, "messaging.batch.message_count"), 4);
  for (const letter of ["b", "d"]) {
    const [own, ...more] = inTrace(ended, letter);
    assert.equal([own?.name, own?.kind, more.length], ["process orders", SpanKind.CONSUMER, 0]);
    assert.is(own?.parent?.spanId, spanOf(letter));
    assert.equal(linkedBy(own), [batch?.own.spanId]);
    assert.equal([valueIn(own as EndedSpan, "order"), valueIn(own as EndedSpan, "user.id")], [letter, `u-${letter}`]);
    assert.is(valueIn(own as EndedSpan, "messaging.message.conversation_id"), letter);
    assert.is(valueIn(own as EndedSpan, "throughline.outcome"), "acked");
  }
});

test("a batch without a sampled event makes nothing, and draws no ids", () => {
  const ended = useOwnSpans();
  const rig = new Rig();
  const orders = [order("a", false), order("b", false)];
  const attempt = rig.process(orders);
  const sent = attempt.run(() => attempt.send(rig.sending({ ...out, causes: causesOf(orders[1] as Delivered) })));
  sent.sent("1-0");
  attempt.settled("acked");
  assert.is(ended.length, 0);
  assert.is(sent.carrier.traceparent, orders[1]?.carrier.traceparent, "the cause's own goes on");
  assert.is(attempt.traceparent, orders[0]?.carrier.traceparent);
});

test("an output of stated causes is in the first sampled one's trace, below its span there, and links to the others", () => {
  const ended = useOwnSpans();
  const rig = new Rig();
  const [a, b, c, d] = [order("a", false), order("b", true), order("c", true), order("d", true)];
  const attempt = rig.process([a, b, c, d]);
  const correlation = { order: ["a", "b", "c"], "order.id": "x" };
  const netted = attempt.send(rig.sending({ ...out, eventId: "x", correlation, causes: causesOf(a, b, c) }));
  const alone = attempt.send(rig.sending({ ...out, eventId: "y", correlation: { order: "a" }, causes: causesOf(a) }));
  netted.sent("9-0");
  alone.sent("9-1");
  attempt.settled("acked");
  const [send] = ended.filter(({ name }) => name === "send out");
  const own = inTrace(ended, "b").find(({ name }) => name === "process orders");
  assert.is(send?.own.traceId, traceOf("b"));
  assert.is(send?.parent?.spanId, own?.own.spanId);
  assert.equal(linkedBy(send), [spanOf("b"), spanOf("c")], "a link to an unsampled one points at nothing");
  assert.equal([valueIn(send as EndedSpan, "order"), valueIn(send as EndedSpan, "order.id")], ["b", "x"]);
  assert.is(netted.carrier.baggage, "order=a|b|c,order.id=x,user.id=u-a|u-b|u-c");
  assert.is(netted.carrier.stories, `;user.id=u-b;order=b,${traceOf("c")}-${spanOf("c")};user.id=u-c;order=c`);
  assert.is(alone.carrier.traceparent, a.carrier.traceparent, "what comes of an unsampled event alone is not sampled");
  assert.is(ended.filter(({ name }) => name === "send out").length, 1);
});

test("whoever handles an event of several stories makes a span in each, with the ids of that story alone", () => {
  const ended = useOwnSpans();
  const rig = new Rig();
  const [b, c] = [order("b", true), order("c", true)];
  const netting = rig.process([b, c]);
  const causes = causesOf(b, c);
  const netted = netting.send(rig.sending({ ...out, correlation: { order: ["b", "c"], "order.id": "x" }, causes }));
  netted.sent("9-0");
  netting.settled("acked");
  ended.length = 0;

  // An exchange order, and its fill, which states no causes; then the execution of one of its orders, which states that.
  const x = arrived(netted.carrier, "x", { order: ["b", "c"], "order.id": "x" }, causes);
  const sending = rig.process([x]);
  const fill = sending.run(() => sending.send(rig.sending({ ...out, correlation: { "order.id": "x" } })));
  fill.sent("10-0");
  sending.settled("acked");
  const check = (main: EndedSpan | undefined, further: EndedSpan | undefined): void => {
    assert.is(main?.own.traceId, traceOf("b"));
    assert.is(valueIn(main as EndedSpan, "order"), "b");
    assert.equal([further?.own.traceId, further?.parent?.spanId], [traceOf("c"), spanOf("c")]);
    assert.equal(linkedBy(further), [main?.own.spanId]);
    const ids = ["order", "user.id", "order.id"].map((key) => valueIn(further as EndedSpan, key));
    assert.equal(ids, ["c", "u-c", "x"]);
  };
  const processes = ended.filter(({ name }) => name === "process orders");
  assert.is(processes.length, 2);
  check(...([processes.find(({ own }) => own.traceId === traceOf("b")), inTrace(ended, "c")[0]] as const));
  const sentFill = ended.find(({ name }) => name === "send out");
  assert.equal([sentFill?.own.traceId, valueIn(sentFill as EndedSpan, "order")], [traceOf("b"), "b"]);
  assert.is(fill.carrier.stories, netted.carrier.stories, "the stories go on as they are");
  ended.length = 0;

  const applying = rig.process([arrived(fill.carrier, "f", { "order.id": "x" })]);
  const execution = applying.run(() =>
    applying.send(rig.sending({ ...out, eventId: "e", correlation: { order: "c" }, causes: causesOf(c) })),
  );
  execution.sent("11-0");
  applying.settled("acked");
  const applied = ended.filter(({ name }) => name === "process orders");
  check(
    ...([
      applied.find(({ own }) => own.traceId === traceOf("b")),
      applied.find(({ own }) => own.traceId === traceOf("c")),
    ] as const),
  );
  const sent = ended.find(({ name }) => name === "send out");
  assert.is(sent?.own.traceId, traceOf("c"));
  assert.is(sent?.parent?.spanId, applied.find(({ own }) => own.traceId === traceOf("c"))?.own.spanId);
  assert.is(sent === undefined ? undefined : valueIn(sent, "user.id"), "u-c", "which the payload does not say");
  assert.is(execution.carrier.stories, ";user.id=u-c", "it belongs to one story only");
});

test("an execution for a sampled order continues its story, whatever else was netted with it", () => {
  const ended = useOwnSpans();
  const rig = new Rig();
  const [a, b] = [order("a", false), order("b", true)];
  const fill = arrived({ ...b.carrier, baggage: "order=a|b", stories: ";order=b" }, "f", {});
  const applying = rig.process([fill]);
  const send = (cause: Delivered) =>
    applying.run(() =>
      applying.send(rig.sending({ ...out, correlation: { order: cause.eventId }, causes: causesOf(cause) })),
    );
  const [ofA, ofB] = [send(a), send(b)];
  ofA.sent("1-0");
  ofB.sent("1-1");
  applying.settled("acked");
  assert.equal(ended.map(({ name, own }) => [name, own.traceId]).sort(), [
    ["process orders", traceOf("b")],
    ["send out", traceOf("b")],
  ]);
  assert.is(ofA.carrier.traceparent, a.carrier.traceparent);
});

test("a process without an SDK passes the stories on", () => {
  noSpans();
  const rig = new Rig();
  const [a, b, c] = [order("a", false), order("b", true), order("c", true)];
  const netting = rig.process([a, b, c]);
  const netted = netting.send(
    rig.sending({ ...out, correlation: { order: ["a", "b", "c"] }, causes: causesOf(a, b, c) }),
  );
  assert.is(netted.carrier.traceparent, b.carrier.traceparent);
  assert.is(netted.carrier.stories, `;user.id=u-b;order=b,${traceOf("c")}-${spanOf("c")};user.id=u-c;order=c`);
  const handling = rig.process([arrived(netted.carrier, "x", { order: ["a", "b", "c"] })]);
  assert.is(handling.send(rig.sending(out)).carrier.stories, netted.carrier.stories);
});

test("a retried event has its spans again, in each of its stories", () => {
  const ended = useOwnSpans();
  const rig = new Rig();
  const [b, c] = [order("b", true), order("c", true)];
  const shared = arrived(
    { ...b.carrier, stories: `;order=b,${traceOf("c")}-${spanOf("c")};order=c` },
    "x",
    { order: ["b", "c"] },
    causesOf(b, c),
  );
  rig.process([shared]).settled("retried", new Error("the venue is closed"));
  rig.process([shared], { attempt: 2 }).settled("acked");
  const ofC = inTrace(ended, "c");
  assert.equal(
    ofC.map((span) => [
      valueIn(span, "throughline.attempt") ?? 1,
      valueIn(span, "throughline.outcome"),
      valueIn(span, "error.type"),
    ]),
    [
      [1, "retried", "Error"],
      [2, "acked", undefined],
    ],
  );
  const ofB = inTrace(ended, "b");
  assert.ok(linkedBy(ofB[1]).includes(ofB[0]?.own.spanId ?? ""), "linked to the attempt before");
});

test("a stories field that breaks a limit or the format is dropped, and the event is handled", () => {
  const ended = useOwnSpans();
  const rig = new Rig();
  const b = order("b", true);
  const c = `${traceOf("c")}-${spanOf("c")}`;
  for (const stories of [
    "rubbish",
    `${c};order=c`,
    `;order=b,${c.slice(1)}`,
    ";order",
    `;order=%ff`,
    ";messaging.system=x",
    "x".repeat(99_999),
    `;a=b${`,${c}`.repeat(200)}`,
  ]) {
    ended.length = 0;
    rig.process([{ ...b, carrier: { ...b.carrier, stories } }]).settled("acked");
    assert.is(ended.length, 1, stories.slice(0, 40));
    assert.is(valueIn(ended[0] as EndedSpan, "messaging.system"), undefined);
  }
});

test("stories beyond the most that an entry carries end there, and the send span says how many there are", () => {
  const ended = useOwnSpans();
  const rig = new Rig();
  const orders = Array.from({ length: 200 }, (_, i): Delivered => {
    const traceparent = `00-${String(i + 1).padStart(32, "0")}-${String(i + 1).padStart(16, "0")}-01`;
    return { ...order("a", true), eventId: `o${i}`, carrier: { traceparent, tracestate: "", baggage: `order=${i}` } };
  });
  const netting = rig.process(orders);
  const all = orders.map(({ eventId }) => eventId);
  const netted = netting.send(rig.sending({ ...out, correlation: { order: all }, causes: causesOf(...orders) }));
  netted.sent("1-0");
  netting.settled("acked");
  const send = ended.find(({ name }) => name === "send out") as EndedSpan;
  assert.is(netted.carrier.stories?.split(",").length, 128);
  assert.is(valueIn(send, "throughline.stories.total"), 200);
  assert.equal([send.links.length, valueIn(send, "throughline.links.total")], [128, 200]);
  assert.ok(send.links.every(({ context }) => context.traceFlags === TraceFlags.SAMPLED));
});

test("a reference that is kept in state leads to all stories of its event", () => {
  const ended = useOwnSpans();
  const rig = new Rig();
  const [b, c] = [order("b", true), order("c", true)];
  const netting = rig.process([b, c]);
  const correlation = { order: ["b", "c"] };
  const netted = netting.send(rig.sending({ ...out, correlation, causes: causesOf(b, c) }));
  netting.settled("acked");
  ended.length = 0;
  // A report of a venue is an event of its own, with a trace of its own.
  const report = { ...order("r", false), carrier: { ...order("r", false).carrier, baggage: "" }, correlation: {} };
  const answering = rig.process([report]);
  const { traceparent, stories = "" } = netted.carrier;
  const fill = answering.send(rig.sending({ ...out, causes: [{ id: "x", traceparent, stories }] }));
  fill.sent("1-0");
  answering.settled("acked");
  const [send, ...others] = ended;
  assert.equal([send?.name, others.length], ["send out", 0]);
  assert.is(send?.parent?.spanId, netted.carrier.traceparent.split("-")[2]);
  assert.equal([valueIn(send as EndedSpan, "order"), valueIn(send as EndedSpan, "user.id")], ["b", "u-b"]);
  assert.is(fill.carrier.stories, netted.carrier.stories);
});
