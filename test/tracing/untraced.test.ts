/** Without an SDK: nothing is recorded, and received trace fields are passed on. */

import * as assert from "uvu/assert";
import type { Carrier } from "../../src/model/carrier.ts";
import type { Delivered, Processing, ProcessSpan, Sending } from "../../src/ports/tracing.ts";
import { withBaggage } from "../../src/tracing/baggage.ts";
import { createTracing } from "../../src/tracing/tracer.ts";
import { test } from "../support/test.ts";

const warnings: string[] = [];
const log = { debug() {}, info() {}, warn: (_: object, text: string) => void warnings.push(text), error() {} };
const tracing = createTracing({ log, allow: ["user.id", "order.id"] });
const channel = { name: "orders", topology: "parent" } as const;
const none: Carrier = { traceparent: "", tracestate: "", baggage: "", stories: "" };
const plain = (carrier: Carrier): Carrier => ({ ...carrier });
const traceparentOf = (n: number): string => `00-${String(n).padStart(32, "1")}-${String(n).padStart(16, "2")}-01`;

function sending(more: Partial<Sending> = {}): Sending {
  return { channel, partition: 0, eventId: "e", correlation: {}, causes: [], baggage: undefined, ...more };
}

function delivered(eventId: string, carrier: Partial<Carrier>): Delivered {
  return { entryId: "1-0", eventId, carrier: { ...none, ...carrier }, causes: [], correlation: {}, time: 1 };
}

function process(entries: readonly Delivered[], more: Partial<Processing> = {}): ProcessSpan {
  return tracing.process({
    channel,
    component: "c",
    member: "m",
    partition: 0,
    entries,
    attempt: 1,
    claimed: false,
    ...more,
  });
}

test("a publish outside of handlers carries nothing but its baggage", () => {
  assert.equal(plain(tracing.send(sending()).carrier), none);
  const { carrier } = withBaggage({ "user.id": "u", other: "x" }, () =>
    tracing.send(sending({ correlation: { "order.id": "o" } })),
  );
  assert.equal(plain(carrier), { ...none, baggage: "order.id=o,user.id=u" });
});

test("baggage follows asynchronous work, and is nested", async () => {
  const inside = await withBaggage({ "user.id": "outer", "order.id": "o" }, async () => {
    await null;
    return withBaggage({ "user.id": "inner" }, async () => {
      await null;
      return tracing.send(sending()).carrier.baggage;
    });
  });
  assert.is(inside, "user.id=inner,order.id=o");
  assert.is(tracing.send(sending()).carrier.baggage, "");
});

test("stated baggage goes before the payload's, and the payload's before the active one", () => {
  const carry = (more: Partial<Sending>) =>
    withBaggage({ "user.id": "active" }, () => tracing.send(sending(more)).carrier.baggage);
  assert.is(carry({}), "user.id=active");
  assert.is(carry({ correlation: { "user.id": "payload" } }), "user.id=payload");
  assert.is(carry({ correlation: { "user.id": "payload" }, baggage: { "user.id": "stated" } }), "user.id=stated");
});

test("an output passes its source's trace on, so that one uninstrumented process does not cut it", async () => {
  const source = delivered("e1", { traceparent: traceparentOf(1), tracestate: "k=v", baggage: "user.id=u" });
  const span = process([source]);
  const expected = { ...source.carrier, baggage: "order.id=o,user.id=u" };
  assert.equal(plain(span.send(sending({ correlation: { "order.id": "o" } })).carrier), expected);
  // Not only the delivery's own outputs: also what its handler publishes past it.
  await span.run(async () => {
    await null;
    assert.equal(plain(tracing.send(sending({ correlation: { "order.id": "o" } })).carrier), expected);
  });
  assert.is(span.traceparent, "");
  span.settled("acked");
});

test("an output of a batch passes the trace of its first sampled cause on, and the baggage of all of them", () => {
  const entries = [1, 2, 3].map((n) => delivered(`e${n}`, { traceparent: traceparentOf(n), baggage: `user.id=u${n}` }));
  const unsampled = delivered("e4", { traceparent: traceparentOf(4).replace(/01$/, "00"), baggage: "user.id=u4" });
  const span = process([...entries, unsampled]);
  const from = (...ids: number[]) =>
    plain(
      span.send(
        sending({
          causes: ids.map((n) => ({
            id: `e${n}`,
            traceparent: n === 4 ? unsampled.carrier.traceparent : traceparentOf(n),
          })),
        }),
      ).carrier,
    );
  assert.equal(from(2), { ...none, traceparent: traceparentOf(2), baggage: "user.id=u2" });
  assert.equal(from(4), { ...none, traceparent: unsampled.carrier.traceparent, baggage: "user.id=u4" });
  const further = traceparentOf(3).slice(3, 52);
  assert.equal(from(4, 1, 3), {
    traceparent: traceparentOf(1),
    tracestate: "",
    baggage: "user.id=u1|u3|u4",
    stories: `;user.id=u1,${further};user.id=u3`,
  });
  assert.is(from().traceparent, traceparentOf(1));
  assert.is(from().baggage, "user.id=u1|u2|u3|u4");
  span.run(() => {
    withBaggage({ "user.id": "own" }, () => assert.equal(from(2).baggage, "user.id=own"));
  });
});

test("a hostile carrier is not passed on", () => {
  const span = process([delivered("e", { traceparent: "rubbish", tracestate: "\u0007", baggage: "x".repeat(2_000) })]);
  assert.equal(plain(span.send(sending()).carrier), none);
});

test("correlation of any type breaks nothing", () => {
  const odd = {
    "user.id": Symbol("no"),
    "order.id": {
      toString: () => {
        throw new Error("no");
      },
    },
    get "client.order_id"(): never {
      throw new Error("no");
    },
  } as unknown as Sending["correlation"];
  assert.equal(plain(tracing.send(sending({ correlation: odd, baggage: { "user.id": "u" } })).carrier), {
    ...none,
    baggage: "user.id=u",
  });
});

test("a handler's own error passes through unchanged", () => {
  const span = process([delivered("e", { traceparent: traceparentOf(1) })]);
  const error = new Error("the handler's");
  try {
    span.run(() => {
      throw error;
    });
    assert.unreachable();
  } catch (thrown) {
    assert.is(thrown, error);
  }
  assert.is(tracing.quietly(() => 1) + tracing.atRoot(() => 2), 3);
  assert.is(warnings.length, 1);
  assert.match(warnings[0] ?? "", /"other" is left out of the baggage/);
});

test("knows the component whose handler runs, of its own backbone alone, through asynchronous work and baggage", async () => {
  const other = createTracing({ log });
  for (const carrier of [none, { ...none, baggage: "order.id=o" }]) {
    const found = await process([delivered("e", carrier)]).run(async () => {
      await null;
      return [tracing.handling(), withBaggage({ "user.id": "u" }, () => tracing.handling()), other.handling()];
    });
    assert.equal(found, ["c", "c", undefined]);
  }
  assert.is(tracing.handling(), undefined);
});
