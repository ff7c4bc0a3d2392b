/** Carriers from anywhere: readable parts are used, the others are dropped and counted. */

import type { Attributes } from "@opentelemetry/api";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { baggageValueOf, correlate, correlatePlain } from "../../src/tracing/attributes.ts";
import { decodeBaggage, encodeBaggage } from "../../src/tracing/baggage-field.ts";
import {
  type Baggage,
  type CarrierLimits,
  defaultLimits,
  readableCarrier,
  resolveLimits,
} from "../../src/tracing/carrier.ts";
import { passedBaggage } from "../../src/tracing/plain-baggage.ts";
import { isTraceparent } from "../../src/tracing/trace-context.ts";
import { test } from "../support/test.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const span = "b7ad6b7169203331";

function decode(
  text: string,
  limits: CarrierLimits = defaultLimits,
): { baggage: Record<string, string>; rejected: number } {
  let rejected = 0;
  const baggage = decodeBaggage(text, limits, () => {
    rejected += 1;
  });
  return { baggage: Object.fromEntries(baggage), rejected };
}

/** What is encoded, and what is left out of it. */
function leftOut(
  entries: Record<string, string>,
  limits: CarrierLimits = defaultLimits,
): { text: string; keys: string[] } {
  const keys: string[] = [];
  const text = encodeBaggage(new Map(Object.entries(entries)), limits, (key, reason) => keys.push(`${key}: ${reason}`));
  return { text, keys };
}

function baggageOf(entries: Record<string, string>): Baggage {
  return new Map(Object.entries(entries));
}

test("a traceparent is taken by the letter of the standard only", () => {
  assert.ok(isTraceparent(`00-${trace}-${span}-01`));
  assert.ok(isTraceparent(`01-${trace}-${span}-01-what-a-later-version-adds`));
  for (const text of [
    "",
    `00-${trace}-${span}`,
    `00-${trace}-${span}-01-more`,
    `ff-${trace}-${span}-01`,
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    ` 00-${trace}-${span}-01`,
    `00-${trace}-${span}-01\n`,
    `01-${trace}-${span}-01-${"x".repeat(10_000)}`,
  ]) {
    assert.not.ok(isTraceparent(text), JSON.stringify(text.slice(0, 80)));
  }
});

test("a tracestate that breaks its limits is dropped, and the trace goes on", () => {
  const traceparent = `00-${trace}-${span}-01`;
  for (const tracestate of ["k=v,".repeat(33), "k=\u0007", `k=${"x".repeat(600)}`]) {
    const rejected: string[] = [];
    const readable = readableCarrier({ traceparent, tracestate, baggage: "" }, (field) => rejected.push(field));
    assert.equal([readable.traceparent, readable.tracestate, rejected], [traceparent, "", ["tracestate"]]);
  }
});

test("baggage passes both ways, with whatever characters an id has", () => {
  const entries = { "user.id": 'ü %,;="\\', "client.order_id": "a|b|c", "order.id": "plain" };
  const text = encodeBaggage(baggageOf(entries), defaultLimits, () => undefined);
  assert.match(text, /^[\x21-\x7e]+$/);
  assert.equal(decode(text), { baggage: entries, rejected: 0 });
});

test("any key passes that can be one, and none that spans have of their own", () => {
  const own = ["messaging.system", "throughline.outcome", "server.address", "error.type", "__proto__", "no key"];
  for (const key of own) {
    assert.equal(leftOut({ [key]: "x", "payment.id": "p" }), { text: "payment.id=p", keys: [`${key}: no-key`] }, key);
    assert.equal(decode(`${key}=x,payment.id=p;secret=1`), { baggage: { "payment.id": "p" }, rejected: 1 }, key);
    assert.is(passedBaggage(`${key}=x`, {}, defaultLimits), undefined, key);
    assert.is(passedBaggage("", { [key]: "x" }, defaultLimits), undefined, key);
  }
  const like = "messaging=1,server.addresses=2,error.types=3,throughlines=4";
  assert.is(passedBaggage(like, {}, defaultLimits), like);
  assert.is(decode(like).rejected, 0);
});

test("baggage that breaks a limit is rejected before it is parsed", () => {
  assert.equal(decode(`user.id=${"x".repeat(1_000_000)}`), { baggage: {}, rejected: 1 });
  assert.equal(decode(Array.from({ length: 10_000 }, (_, i) => `k${i}=v`).join(",")), { baggage: {}, rejected: 1 });
  assert.equal(decode(`${"a=1,".repeat(16)}user.id=u`), { baggage: {}, rejected: 1 });
  assert.equal(decode("user.id=a\u0000b"), { baggage: {}, rejected: 1 });
  assert.equal(decode("user.id=ü"), { baggage: {}, rejected: 1 });
});

test("one value that is unusable leaves the others", () => {
  for (const bad of [`order.id=${"x".repeat(129)}`, "order.id=%E0%A4%A", "order.id=a%0Ab", "=nothing", "nothing"]) {
    assert.equal(decode(`user.id=u,${bad}`), { baggage: { "user.id": "u" }, rejected: 1 }, bad);
  }
});

test("a list that is too long for one value goes on in further ones, within the limits of the whole", () => {
  const ids = Array.from({ length: 40 }, (_, i) => `client-order-${i}`).join("|");
  const text = encodeBaggage(baggageOf({ "user.id": "u", "client.order_id": ids }), defaultLimits, () => undefined);
  assert.equal(decode(text), { baggage: { "user.id": "u", "client.order_id": ids }, rejected: 0 });

  const many = Array.from({ length: 1_000 }, (_, i) => `id-${i}`).join("|");
  const both = encodeBaggage(baggageOf({ "user.id": many, "client.order_id": many }), defaultLimits, () => undefined);
  assert.ok(both.length <= 1_024);
  const { baggage, rejected } = decode(both);
  assert.is(rejected, 0);
  for (const value of Object.values(baggage))
    assert.ok(many.startsWith(value) && value.length > 300, "whole ids, and a fair share");
});

test("an id that does not fit is left out, not cut", () => {
  assert.is(
    encodeBaggage(baggageOf({ "user.id": "x".repeat(129), "order.id": "o" }), defaultLimits, () => undefined),
    "order.id=o",
  );
  assert.is(
    encodeBaggage(baggageOf({ "user.id": "\ud800" }), defaultLimits, () => undefined),
    "",
  );
});

test("invalid limits are refused", () => {
  assert.throws(() => resolveLimits({ maxBaggageBytes: -1 }), /maxBaggageBytes/);
  assert.throws(() => resolveLimits({ allow: ["no key"] }), /no baggage key/);
});

test("passes plain baggage on as it would after parsing it", () => {
  const limits = resolveLimits({ maxBaggageBytes: 60, maxBaggageValueBytes: 12 });
  const value = fc.stringMatching(/^[a-z0-9|%,.; é]{0,14}$/);
  const key = fc.constantFrom("user.id", "client.order_id", "order.id", "other", "xuser.id", "user.idx");
  const field = fc
    .array(fc.tuple(key, value), { maxLength: 5 })
    .map((members) => members.map(([name, text]) => `${name}=${text}`).join(","));
  const correlation = fc.dictionary(
    key,
    fc.oneof(value, fc.constant(undefined), fc.double(), fc.array(value, { maxLength: 2 })),
  );
  let plain = 0;
  fc.assert(
    fc.property(field, correlation, (text, own) => {
      const passed = passedBaggage(text, own, limits);
      if (passed === undefined) return;
      plain++;
      const behind = decodeBaggage(text, limits, () => assert.unreachable("a plain field breaks nothing"));
      const merged = new Map<string, string>();
      for (const name of [...Object.keys(own), ...behind.keys()]) {
        const one = baggageValueOf(own, name) ?? behind.get(name);
        if (one !== undefined) merged.set(name, one);
      }
      const encoded = encodeBaggage(merged, limits, (name) => assert.unreachable(`${name} fits`));
      const entriesOf = (field: string) => [...decodeBaggage(field, limits, () => assert.unreachable())];
      assert.equal(entriesOf(passed), entriesOf(encoded));
    }),
    { numRuns: 2_000 },
  );
  assert.ok(plain > 20, `only ${plain} were plain`);
});

test("puts plain baggage on a span as it would after taking it apart", () => {
  const limits = resolveLimits({ maxBaggageBytes: 60, maxBaggageValueBytes: 12 });
  const key = fc.constantFrom("payment.id", "order.id", "constructor", "n");
  const value = fc.stringMatching(/^[a-z0-9|]{0,4}$/);
  const field = fc
    .array(fc.tuple(key, value), { maxLength: 5 })
    .map((members) => members.map(([name, text]) => `${name}=${text}`).join(","));
  let plain = 0;
  fc.assert(
    fc.property(field, fc.dictionary(key, value), (text, own) => {
      const quick: Attributes = {};
      if (!correlatePlain(quick, text, own, limits)) return;
      plain++;
      const careful: Attributes = {};
      correlate(
        careful,
        decodeBaggage(text, limits, () => undefined),
        own,
      );
      assert.equal(quick, careful);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(plain > 20, `only ${plain} were plain`);
});
