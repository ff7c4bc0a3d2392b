/** Orders through three processes, followed by their spans on the wire. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import type { ClientOrder } from "../../trading/domain/index.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import type { WireSpan } from "./otlp.ts";
import { type Pipeline, startPipeline } from "./pipeline.ts";
import { named, Story, values } from "./story.ts";

function order(id: string, quantity: number, price = "10.00", symbol = "AAPL"): ClientOrder {
  return { id, userId: `user-of-${id}`, symbol, side: "buy", price, quantity, orderType: "limit" };
}

/** Spans of the backbone; the others are the user's own Redis calls and BullMQ's hops. */
function backboneSpans(spans: readonly WireSpan[]): WireSpan[] {
  return spans.filter(({ scope, name }) => scope === "throughline" && /^(send|create|process) /.test(name));
}

/** Spans of one event each: those of batches have none. */
function ofOneEvent(spans: readonly WireSpan[], name: string): WireSpan[] {
  return named(spans, name).filter(({ attributes }) => attributes["messaging.batch.message_count"] === undefined);
}

/** Entry ids tell the append to the millisecond, and a process's clock may be one off the server's. */
const clockStepMs = 2;

/** One for all tests of the file: a process has one telemetry. The last test ends it. */
let started: Promise<Pipeline> | undefined;

function pipeline(): Promise<Pipeline> {
  started ??= startPipeline();
  return started;
}

test(
  "an order that is handled by itself is one tree, over the venue that carries no trace, and only the user's own Redis calls are spans",
  async () => {
    const { collector, publish } = await pipeline();
    await publish([order("alone", 1)]);
    // The client order is handled twice: by the Algorithm and by the Order Manager, which keeps its record.
    await collector.until(({ spans }) => backboneSpans(spans).length === 13);
    const spans = collector.spans.filter(({ scope }) => scope !== "bullmq");
    const story = new Story(spans);
    // A report comes without a trace, and begins one of two spans; what comes of it goes on with the order's.
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === "");
    assert.equal(roots.map(({ name }) => name).sort(), ["send client-orders", "send reports"]);
    for (const span of spans) {
      const path = [span];
      for (let up = story.parentOf(span); up !== undefined; up = story.parentOf(up)) path.push(up);
      assert.ok(roots.includes(path.at(-1) as WireSpan), `${span.name} hangs on a root`);
      assert.is(path.at(-1)?.traceId, span.traceId);
    }
    const isReport = ({ name }: WireSpan): boolean => name.endsWith(" reports");
    const parents = backboneSpans(spans).map((span) => `${span.service}: ${story.parentOf(span)?.name} > ${span.name}`);
    assert.equal(parents.sort(), [
      "algorithm: process client-orders > send exchange-orders",
      "algorithm: process fills > send executions",
      "algorithm: send client-orders > process client-orders",
      "algorithm: send fills > process fills",
      "client: undefined > send client-orders",
      "order-manager: send client-orders > process client-orders",
      "order-manager: send executions > process executions",
      "order-sender: process exchange-orders > send venue-orders",
      "order-sender: send exchange-orders > process exchange-orders",
      "order-sender: send exchange-orders > send fills",
      "order-sender: send reports > process reports",
      "order-sender: send venue-orders > process venue-orders",
      "order-sender: undefined > send reports",
    ]);
    for (const span of backboneSpans(spans)) {
      assert.equal(values(span, "user.id"), isReport(span) ? [] : ["user-of-alone"], `${span.name} has the user`);
      assert.equal(
        values(span, "client.order_id"),
        isReport(span) ? [] : ["alone"],
        `${span.name} has the client order`,
      );
      assert.is(
        values(span, "order.id").length,
        span.name.endsWith("client-orders") ? 0 : 1,
        `${span.name}'s exchange order`,
      );
    }
    const linksOf = (name: string) =>
      story
        .linked(named(spans, name)[0] as WireSpan)
        .map((span) => span.name)
        .sort();
    assert.equal(linksOf("send exchange-orders"), ["send client-orders"]);
    assert.equal(linksOf("process exchange-orders"), ["send exchange-orders"]);
    assert.equal(linksOf("send fills"), ["process reports"]);
    assert.equal(linksOf("process fills"), ["send exchange-orders", "send fills"]);
    assert.equal(linksOf("send executions"), ["send client-orders"]);
    assert.equal(linksOf("process executions"), ["send client-orders", "send executions"]);

    const redis = collector.spans.filter(({ attributes }) => attributes["db.system.name"] !== undefined);
    assert.equal(
      redis.map(({ service, name }) => `${service}: ${name}`),
      ["order-sender: set"],
    );
    assert.is(new Story(collector.spans).parentOf(redis[0] as WireSpan)?.name, "process venue-orders");
    assert.is(redis[0]?.attributes["db.query.text"], "set");
  },
  { timeoutMs: 90_000 },
);

test(
  "each of the orders that are netted has a trace of its own, from the order to its executions, with its own ids",
  async () => {
    // Three client orders, one net order, two slices, five fills; and two neighbours in the same batch.
    const { collector, publish } = await pipeline();
    const orders = [order("n1", 40), order("n2", 70), order("n3", 40)];
    const neighbours = [order("other1", 7, "11.00"), order("other2", 7, "12.00")];
    await publish([...orders, ...neighbours]);
    // Slice 1 is n1 40 + n2 60, slice 2 is n2 10 + n3 40; the exchange fills 99 + 1, 48 + 1 + 1, and 5 + 1 + 1 for each neighbour.
    // Two slices are of two orders each, and have spans in both orders' traces.
    // Together with the order of the test before: as many as there must be before anything is looked at.
    const expected = {
      "process client-orders": 2 * 6,
      "send exchange-orders": 5,
      "process exchange-orders": 7,
      "send fills": 12,
      "process fills": 17,
      "send executions": 14,
      "process executions": 14,
    };
    await collector.until((one) =>
      Object.entries(expected).every(([name, count]) => ofOneEvent(one.spans, name).length === count),
    );
    await collector.until(({ spans }) =>
      spans.some(({ attributes }) => attributes["messaging.batch.message_count"] === 5),
    );
    const { spans } = collector;
    const story = new Story(spans);
    const rootsOf = (found: readonly WireSpan[]): string[] =>
      found
        .filter(({ name, service }) => name === "send client-orders" && service === "client")
        .map(({ attributes }) => String(attributes["client.order_id"]))
        .sort();

    const batch = named(spans, "process client-orders").find(
      ({ service, attributes }) => service === "algorithm" && attributes["messaging.batch.message_count"] === 5,
    );
    if (batch === undefined) throw new Error("the five orders were not handled as one batch");
    assert.is(batch.parentSpanId, "");
    assert.equal(rootsOf(story.linked(batch)), ["n1", "n2", "n3", "other1", "other2"]);
    assert.is(batch.links.length, 5);
    assert.equal([...values(batch, "client.order_id")].sort(), ["n1", "n2", "n3", "other1", "other2"]);

    const exchangeOrders = named(spans, "send exchange-orders").filter(
      (span) => values(span, "client.order_id")[0] !== "alone",
    );
    assert.equal(exchangeOrders.map((span) => rootsOf(story.linked(span))).sort(), [
      ["n1", "n2"],
      ["n2", "n3"],
      ["other1"],
      ["other2"],
    ]);
    for (const { id, userId } of [...orders, ...neighbours]) {
      const root = named(spans, "send client-orders").find((span) => values(span, "client.order_id")[0] === id);
      const own = backboneSpans(spans).filter(({ traceId }) => traceId === root?.traceId);
      const services = new Set(own.map(({ service }) => service));
      assert.equal(
        [...services].sort(),
        ["algorithm", "client", "order-manager", "order-sender"],
        `${id} in all services`,
      );
      for (const span of own) {
        assert.equal(values(span, "client.order_id"), [id], `${span.service}: ${span.name} is of ${id} alone`);
        assert.equal(values(span, "user.id"), [userId]);
        const path = [span];
        for (let up = story.parentOf(span); up !== undefined; up = story.parentOf(up)) path.push(up);
        assert.is(path.at(-1), root, `${span.name} hangs on the root`);
      }
      for (const name of ["process client-orders", "process exchange-orders", "process fills", "process executions"])
        assert.ok(named(own, name).length > 0, `${id} has ${name}`);
      for (const execution of named(own, "send executions")) {
        assert.equal(rootsOf(story.derivedFrom(execution)), [id]);
        const exchangeOrder = exchangeOrders.find(
          (span) => span.attributes["order.id"] === execution.attributes["order.id"],
        );
        assert.ok(rootsOf(story.linked(exchangeOrder as WireSpan)).includes(id));
      }
    }
    // A backend takes a consumer that begins before its producer has ended for one whose clock is wrong.
    let consumed = 0;
    for (const span of backboneSpans(spans).filter(({ kind }) => kind === "CONSUMER")) {
      const sent = story.parentOf(span);
      if (sent?.kind !== "PRODUCER") continue;
      consumed++;
      const aheadMs = Number(BigInt(sent.endNs) - BigInt(span.startNs)) / 1e6;
      assert.ok(aheadMs < clockStepMs, `${span.service}: ${span.name} begins ${aheadMs} ms before ${sent.name} ends`);
    }
    assert.ok(consumed > 30, `${consumed} spans have a producer's span above them`);
    for (const span of backboneSpans(spans).filter(({ name }) => !name.endsWith(" reports"))) {
      assert.ok(values(span, "user.id").length > 0, `${span.service}: ${span.name} has users`);
      assert.ok(values(span, "client.order_id").length > 0, `${span.service}: ${span.name} has client orders`);
    }
  },
  { timeoutMs: 90_000 },
);

const evil = {
  "1 MB of baggage": { traceparent: "", baggage: `user.id=${"x".repeat(1_000_000)}` },
  "10,000 entries": { traceparent: "", baggage: Array.from({ length: 10_000 }, (_, i) => `k${i}=v`).join(",") },
  "control characters": { traceparent: "", baggage: "user.id=evil%0Aforged,client.order_id=a\u0000b" },
  "a broken escape": { traceparent: "", baggage: "user.id=%E0%A4%A" },
  "an unknown version": { traceparent: `ff-${"a".repeat(32)}-${"b".repeat(16)}-01`, baggage: "" },
  "ids of zeros": { traceparent: `00-${"0".repeat(32)}-${"0".repeat(16)}-01`, baggage: "" },
  "a traceparent of rubbish": { traceparent: "\u0000\u001b[31m'; DROP TABLE", baggage: "" },
  "a megabyte of traceparent": { traceparent: `00-${"a".repeat(1_000_000)}`, baggage: "" },
  "keys that spans have of their own": { traceparent: "", baggage: "messaging.client.id=hunter2,__proto__=x" },
} as const;

test(
  "a hostile carrier is handled without it, counted, and not passed on",
  async () => {
    const { collector, namespace, processes } = await pipeline();
    const redis = new Redis(redisUrl());
    const before = collector.spans.length;
    let n = 0;
    for (const { traceparent, baggage } of Object.values(evil)) {
      // A symbol of its own each: entries that are netted share their baggage.
      const payload = JSON.stringify(order(`evil${n}`, 1, "1.00", `EVIL${n}`));
      n++;
      await redis.xadd(
        `{${namespace}:0}:client-orders`,
        "*",
        "payload",
        payload,
        "traceparent",
        traceparent,
        "tracestate",
        "\u0007=",
        "baggage",
        baggage,
      );
    }
    await redis.quit();
    const executed = (id: string) => (span: WireSpan) =>
      span.name === "process executions" && values(span, "client.order_id").includes(id);
    await collector.until(({ spans }) =>
      Array.from({ length: n }, (_, i) => spans.some(executed(`evil${i}`))).every(Boolean),
    );
    const text = JSON.stringify(collector.spans.slice(before));
    for (const leaked of ["forged", "hunter2", "DROP TABLE", "xxxxxxxx", "k999"]) assert.not.match(text, leaked);
    const rejected = () =>
      collector.metrics
        .filter(({ name }) => name === "throughline.carrier.rejected")
        .flatMap(({ points }) => points.map(({ attributes }) => attributes["throughline.carrier.field"]));
    await collector.until(() => rejected().includes("baggage") && rejected().includes("traceparent"));
    for (const process of processes) assert.not.match(process.stderr(), /"level":"(error|fatal)"/);
  },
  { timeoutMs: 90_000 },
);

test(
  "a component that is told to stop delivers its spans before it exits",
  async () => {
    const opened = await pipeline();
    const [algorithm] = opened.processes;
    await opened.publish([order("last", 1, "10.00", "LAST")]);
    const handled = (span: WireSpan) =>
      span.service === "algorithm" && values(span, "client.order_id").includes("last");
    await opened.collector.until(({ spans }) => spans.some((span) => handled(span) && span.name === "send executions"));
    algorithm?.kill("SIGTERM");
    assert.is((await algorithm?.ended)?.code, 0);
    await opened.collector.until(({ spans }) => spans.some((span) => handled(span) && span.name === "process fills"));
    await opened[Symbol.asyncDispose]();
  },
  { timeoutMs: 90_000 },
);
