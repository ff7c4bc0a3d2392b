/** A channel's `correlation` is the policy: its keys travel with the story, whatever they are called, and nothing else does unless it is allowed. */

import { context, propagation } from "@opentelemetry/api";
import * as assert from "uvu/assert";
import {
  type Channel,
  ConfigError,
  connectBackbone,
  type Journey,
  on,
  walkJourney,
  withBaggage,
} from "../../src/index.ts";
import { type CapturedSpan, captureSpans } from "../../src/testing.ts";
import { type Opened, open, type Thing, things } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const payments: Channel<Thing> = things("payments", { correlation: ({ n }) => ({ "payment.id": `p-${n}` }) });
const receipts: Channel<Thing> = things("receipts", { correlation: ({ n }) => ({ "receipt.id": n }) });
const letters: Channel<Thing> = things("letters");

/** Passes each thing from one channel to the next, as two components that know only their own two channels each. */
async function chain(o: Opened): Promise<() => Promise<void>> {
  const ledger = await o.run(
    o.backbone.component("ledger", [on(payments, ({ payload }, { publish }) => publish(receipts, payload).then())]),
  );
  const office = await o.run(
    o.backbone.component("office", [on(receipts, ({ payload }, { publish }) => publish(letters, payload).then())]),
  );
  const post = await o.run(o.backbone.component("post", [on(letters, () => undefined)]));
  return async () => {
    for (const component of [ledger, office, post]) await component.whenIdle();
  };
}

async function baggageOn(o: Opened, channel: Channel<Thing>): Promise<readonly string[]> {
  return (await o.entries(channel)).map(({ fields }) => fields["baggage"] ?? "");
}

function warned(o: Opened, key: string): readonly string[] {
  return o.log.filter(({ level, fields }) => level === "warn" && fields["key"] === key).map(({ text }) => text);
}

test("the keys that a channel's correlation names are on everything downstream, whatever they are called", async () => {
  await using o = await open();
  const idle = await chain(o);
  await o.backbone.publish(payments, { n: 7 });
  await idle();
  assert.equal(await baggageOn(o, payments), ["payment.id=p-7"]);
  assert.equal(await baggageOn(o, receipts), ["receipt.id=7,payment.id=p-7"]);
  assert.equal(await baggageOn(o, letters), ["receipt.id=7,payment.id=p-7"]);
  const journey = await o.backbone.journey("payment.id=p-7");
  const asked = (found: Journey) =>
    [...walkJourney(found)].filter(({ node }) => node.asked).map(({ node }) => node.event.channel);
  assert.equal([asked(journey), journey.events], [["payments"], 3]);
  assert.equal(asked(await o.backbone.journey("receipt.id=7")), ["receipts"]);
});

test("they are on every span, those of a component that has never heard of them included", async () => {
  await using o = await open();
  using capture = captureSpans();
  const idle = await chain(o);
  await o.backbone.publish(payments, { n: 8 });
  await idle();
  const spans = capture.all().filter(({ name }) => /^(send|process) /.test(name));
  assert.equal(spans.map(({ name }) => name).sort(), [
    "process letters",
    "process payments",
    "process receipts",
    "send letters",
    "send payments",
    "send receipts",
  ]);
  const attributeOf = ({ attributes }: CapturedSpan, key: string) => attributes[key];
  assert.equal(
    spans.map((span) => attributeOf(span, "payment.id")),
    spans.map(() => "p-8"),
  );
  for (const span of spans)
    assert.is(String(attributeOf(span, "receipt.id") ?? ""), /payments/.test(span.name) ? "" : "8");
});

test("an entry that another language wrote without baggage begins its story with what its payload says", async () => {
  await using o = await open();
  const idle = await chain(o);
  await o.write(payments, "payload", JSON.stringify({ n: 9 }));
  await o.write(payments, "payload", JSON.stringify({ n: 10 }), "baggage", "desk=a%201,shop=north");
  await idle();
  assert.equal(await baggageOn(o, receipts), [
    "receipt.id=9,payment.id=p-9",
    "receipt.id=10,payment.id=p-10,desk=a%201,shop=north",
  ]);
});

test("a key that no payload has passes where the backbone allows it, and is dropped, counted and said once where not", async () => {
  await using strict = await open();
  await using o = await open({ baggage: { allow: ["tenant.id"] } });
  const publish = ({ backbone }: Opened, n: number) =>
    withBaggage({ "tenant.id": "t-1", secret: "s" }, () => backbone.publish(payments, { n }));
  for (let n = 0; n < 3; n++) await publish(strict, n);
  await publish(o, 1);
  await o.backbone.publish(payments, { n: 2 }, { baggage: { "tenant.id": "t-2" } });
  assert.equal(await baggageOn(strict, payments), ["payment.id=p-0", "payment.id=p-1", "payment.id=p-2"]);
  assert.equal(await baggageOn(o, payments), ["payment.id=p-1,tenant.id=t-1", "payment.id=p-2,tenant.id=t-2"]);
  assert.is(warned(strict, "tenant.id").length, 1);
  assert.match(warned(strict, "tenant.id")[0] ?? "", /"tenant\.id".*"payments".*baggage: \{ allow/);
  assert.is(warned(strict, "secret").length, 1);
  assert.is(warned(o, "tenant.id").length, 0);
});

test("a handler reads what its event carries, and what it puts over it goes on", async () => {
  await using o = await open({ baggage: { allow: ["tenant.id"] } });
  const seen: unknown[] = [];
  const one = await o.run(
    o.backbone.component("one", [
      on(payments, async ({ payload }, { baggage, publish }) => {
        seen.push(baggage);
        await withBaggage({ "tenant.id": `${baggage["tenant.id"]}/b` }, () => publish(letters, payload));
      }),
    ]),
  );
  const many = await o.run(
    o.backbone.component("many", [
      on(letters, { batch: { maxSize: 10, maxWaitMs: 5 } }, (events, { baggageOf }) => {
        for (const event of events) seen.push(baggageOf(event));
      }),
    ]),
  );
  await o.backbone.publish(payments, { n: 1 }, { baggage: { "tenant.id": "t 1" } });
  await one.whenIdle();
  await many.whenIdle();
  assert.equal(seen, [
    { "payment.id": "p-1", "tenant.id": "t 1" },
    { "payment.id": "p-1", "tenant.id": "t 1/b" },
  ]);
});

test("what other instrumentation has made active does not get into the log", async () => {
  await using o = await open();
  using _capture = captureSpans();
  const foreign = propagation.createBaggage({ "payment.id": { value: "outside" }, session: { value: "s3cret" } });
  await context.with(propagation.setBaggage(context.active(), foreign), () => o.backbone.publish(letters, { n: 1 }));
  assert.equal(await baggageOn(o, letters), [""]);
  assert.is(warned(o, "session").length, 1);
});

test("beyond the limits what an event says itself is kept, in its order, before what it inherits", async () => {
  await using o = await open();
  const wide = things("wide", {
    correlation: () => Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, `v${i}`])),
  });
  const long = things("long", { correlation: () => ({ long: "x".repeat(129), "long.not": "y" }) });
  const component = await o.run(
    o.backbone.component("c", [on(payments, ({ payload }, { publish }) => publish(wide, payload).then())]),
  );
  for (let n = 0; n < 2; n++) await o.backbone.publish(payments, { n });
  await o.backbone.publish(long, { n: 1 });
  await component.whenIdle();
  const kept = Array.from({ length: 16 }, (_, i) => `k${i}=v${i}`).join(",");
  assert.equal(await baggageOn(o, wide), [kept, kept]);
  assert.equal(await baggageOn(o, long), ["long.not=y"]);
  for (const key of ["k16", "k19", "payment.id", "long"]) assert.is(warned(o, key).length, 1, key);
  assert.match(warned(o, "long")[0] ?? "", /128 bytes/);
});

test("a key that cannot travel is refused where it is allowed", async () => {
  const refused = (allow: readonly string[]) =>
    rejects(connectBackbone({ namespace: "never", baggage: { allow } }), ConfigError);
  await refused(["no key"]);
  await refused(["messaging.system"]);
  await rejects(connectBackbone({ namespace: "never", baggage: { allowed: [] } as never }), ConfigError);
});

test("the lines about a failed attempt and a dead letter name trace, event and the ids that people search for", async () => {
  await using o = await open();
  const channel = things("things", {
    correlation: ({ n }) => ({ "order.id": `o-${n}` }),
    retry: { maxAttempts: 2, backoffMs: 1 },
  });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  await o.write(channel, "id", "e-1", "payload", '{"n":1}', "traceparent", traceparent, "baggage", "user.id=ann");
  const fails = (): never => {
    throw new Error("no");
  };
  const component = await o.run(o.backbone.component("c", [on(channel, fails)]));
  await component.whenIdle();
  const about = o.log.filter(({ text }) => /an attempt failed|dead-lettered/.test(text));
  assert.is(about.length, 2);
  for (const { fields } of about) {
    const { trace_id, eventId, correlation } = fields as Record<string, unknown>;
    assert.equal([trace_id, eventId], ["0af7651916cd43dd8448eb211c80319c", "e-1"]);
    assert.equal(correlation, { "user.id": "ann", "order.id": "o-1" });
  }
});
