/** The backbone's spans say on the wire what the SDK's would, whatever is done to them. */

import { type Attributes, type Exception, type Link, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, type ReadableSpan, TracerProvider } from "@opentelemetry/sdk-trace";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { RequestFrame } from "../../src/telemetry/otlp/request-frame.ts";
import { SpanEncoder } from "../../src/telemetry/otlp/span-encoder.ts";
import { LeanSpans } from "../../src/telemetry/spans/span-source.ts";
import type { Opening } from "../../src/tracing/sdk.ts";
import { test } from "../support/test.ts";
import { ending, opening, type Told, told } from "./arbitrary-spans.ts";
import { type DecodedSpan, decodeRequest, flagsOf, spansOf } from "./decoded.ts";

const resource = resourceFromAttributes({
  "service.name": "encoder",
  "process.pid": 17,
  "host.ip": ["::1", "127.0.0.1"],
});
const scope = { name: "throughline", version: "1.2.3", schemaUrl: "https://opentelemetry.io/schemas/1.45.0" };
const frame = new RequestFrame(resource, scope);
const plain: Opening = {
  name: "process orders",
  kind: SpanKind.CONSUMER,
  parent: undefined,
  context: undefined,
  links: [],
  statics: {},
  attributes: {},
};

/** Keeps all of them. */
function spansInto(encoder: SpanEncoder): LeanSpans {
  const keepsAll = (): boolean => true;
  return new LeanSpans(keepsAll, (span) => encoder.add(span));
}

/** The same told to one of ours and to one of the SDK's; both then end, at the given time. */
function both(opening: Opening, tell: Told, endsAt: [number, number]): [ours: DecodedSpan, theirs: DecodedSpan] {
  const encoder = new SpanEncoder();
  const mine = spansInto(encoder).open({
    ...opening,
    links: [...opening.links],
  });
  tell(mine);
  mine.end(endsAt);
  assert.is(encoder.count, 1);
  const request = frame.around(encoder.take());
  const [ours] = spansOf(request);
  if (ours === undefined) throw new Error("there is no span");

  const { traceId, spanId } = mine.spanContext();
  const ended: ReadableSpan[] = [];
  const provider = new TracerProvider({
    resource,
    sampler: new AlwaysOnSampler(),
    idGenerator: { generateTraceId: () => traceId, generateSpanId: () => spanId },
    spanProcessors: [
      { onStart() {}, onEnd: (span) => ended.push(span), forceFlush: async () => {}, shutdown: async () => {} },
    ],
  });
  const { name, kind, links, statics, attributes, parent } = opening;
  const startNs = BigInt(String(ours["startTimeUnixNano"]));
  const startTime: [number, number] = [Number(startNs / 1_000_000_000n), Number(startNs % 1_000_000_000n)];
  const around = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
  const options = { kind, links: [...links], attributes: { ...statics, ...attributes }, startTime };
  const sdks = provider.getTracer("throughline").startSpan(name, options, around);
  tell(sdks);
  assert.is(mine.isRecording(), false);
  sdks.end(endsAt);
  assert.is(ended.length, 1);
  const other = ProtobufTraceSerializer.serializeRequest(ended) as Uint8Array;
  const [theirs] = spansOf(other);
  if (theirs === undefined) throw new Error("the SDK has no span");
  assert.equal(flagsOf(request), flagsOf(other));
  return [ours, theirs];
}

const later: [number, number] = [4_000_000_000, 123_456_789];

function assertSame(opening: Partial<Opening>, tell: Told = () => undefined, endsAt = later): DecodedSpan {
  const [ours, theirs] = both({ ...plain, ...opening }, tell, endsAt);
  assert.equal(ours, theirs);
  return ours;
}

test("everything that is set on a span arrives as from the SDK's span", () => {
  fc.assert(
    fc.property(
      opening,
      fc.array(fc.oneof({ weight: 15, arbitrary: told }, ending), { maxLength: 12 }),
      fc.tuple(fc.integer({ min: 3_000_000_000, max: 8_000_000_000 }), fc.nat(999_999_999)),
      (opened, tellings, endsAt) => {
        const tell: Told = (span) => {
          for (const each of tellings) each(span);
        };
        assertSame(opened, tell, endsAt);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("attributes, links and events beyond 128 are dropped and counted as by the SDK", () => {
  const many = (prefix: string, count: number): Attributes =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}-${i}`, i]));
  const links = Array.from(
    { length: 200 },
    (_, i): Link => ({
      context: { traceId: "1".repeat(32), spanId: String(1_000_000_000_000_000 + i), traceFlags: 1 },
    }),
  );
  const tell: Told = (span) => {
    span.setAttributes(many("later", 300)).setAttribute("static-3", "over").addLinks(links.slice(0, 150));
    for (let i = 0; i < 150; i++) span.addEvent(`event-${i}`, many("event", 130), [1, i]);
  };
  const span = assertSame({ statics: many("static", 60), attributes: many("own", 50), links }, tell);
  assert.equal([span["droppedAttributesCount"], span["droppedLinksCount"], span["droppedEventsCount"]], [282, 222, 22]);
  assertSame({ statics: many("static", 200) });
});

test("an attribute of the span's own goes before the static one of its name, and the later before both", () => {
  const statics = Object.freeze({ a: "static", b: "static", c: "static" });
  const span = assertSame({ statics, attributes: { b: "own", c: "own" } }, (told) => told.setAttribute("c", "later"));
  assert.equal(
    [...(span["attributes"] as Map<string, { stringValue: string }>)]
      .map(([name, of]) => [name, of.stringValue])
      .sort(),
    [
      ["a", "static"],
      ["b", "own"],
      ["c", "later"],
    ],
  );
  assertSame({ statics });
});

test("spans that end before they began last no time", () => {
  const span = assertSame({}, () => undefined, [1, 0]);
  assert.is(span["startTimeUnixNano"], span["endTimeUnixNano"]);
});

test("an exception and a list are exported as they were when the span received them", () => {
  assertSame({}, (span) => {
    const list = ["a"];
    span.setAttribute("list", list);
    list.push("b");
    span.recordException(null as unknown as Exception, later);
    span.recordException(Object.assign(new TypeError("no"), { stack: "at x" }), later);
  });
});

test("a span's times follow the host's clock, and a nested span lies within the outer one", () => {
  const encoder = new SpanEncoder();
  const spans = spansInto(encoder);
  const before = Date.now();
  const relative = spans.open(plain);
  relative.addEvent("now").addEvent("by performance", performance.now());
  relative.end();
  spans.open(plain).end(performance.now());
  spans.open(plain).end(Date.now() + 60_000);
  const after = Date.now();
  const ms = (ns: unknown): number => Number(BigInt(String(ns)) / 1_000_000n);
  const [first, second, third] = spansOf(frame.around(encoder.take())) as [DecodedSpan, DecodedSpan, DecodedSpan];
  for (const span of [first, second, third]) {
    // The clock is whole milliseconds, and may be set by a little within a second.
    assert.ok(Math.abs(ms(span["startTimeUnixNano"]) - before) <= after - before + 50);
    assert.ok(BigInt(String(span["endTimeUnixNano"])) >= BigInt(String(span["startTimeUnixNano"])));
  }
  const times = (first["events"] as { timeUnixNano: string }[]).map(({ timeUnixNano }) => BigInt(timeUnixNano));
  for (const at of times) {
    assert.ok(at >= BigInt(String(first["startTimeUnixNano"])));
    assert.ok(at <= BigInt(String(first["endTimeUnixNano"])) + 1_000n);
  }
  assert.ok(ms(third["endTimeUnixNano"]) - before >= 60_000);
});

test("the resource and the scope are exported as by the SDK", () => {
  const encoder = new SpanEncoder();
  spansInto(encoder).open(plain).end();
  const { resourceSpans } = decodeRequest(frame.around(encoder.take()));
  const ended: ReadableSpan[] = [];
  const provider = new TracerProvider({
    resource,
    spanProcessors: [
      { onStart() {}, onEnd: (span) => ended.push(span), forceFlush: async () => {}, shutdown: async () => {} },
    ],
  });
  const { name, version, schemaUrl: schema } = scope;
  provider.getTracer(name, version, { schemaUrl: schema }).startSpan("any").end();
  const theirs = decodeRequest(ProtobufTraceSerializer.serializeRequest(ended) as Uint8Array).resourceSpans;
  assert.equal(
    resourceSpans.map(({ resource: of, schemaUrl, scopeSpans }) => [
      of,
      schemaUrl,
      scopeSpans.map((one) => [one.scope, one.schemaUrl]),
    ]),
    theirs.map(({ resource: of, schemaUrl, scopeSpans }) => [
      of,
      schemaUrl,
      scopeSpans.map((one) => [one.scope, one.schemaUrl]),
    ]),
  );
});
