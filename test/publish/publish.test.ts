/** Publishing: the entry that is written, the receipt, and the refusals before anything is sent. */

import * as assert from "uvu/assert";
import { z } from "zod";
import {
  type Channel,
  ChannelError,
  ConfigError,
  defineChannel,
  item,
  PayloadError,
  PublishError,
  withBaggage,
} from "../../src/index.ts";
import { open, type Thing, things } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

test("resolves with the event's id and entry id", async () => {
  await using o = await open();
  const channel = things("things");
  const ref = await o.backbone.publish(channel, { n: 1, key: "k" }, { time: 1_234 });
  const [entry] = await o.entries(channel);
  assert.equal(entry?.payload, { n: 1, key: "k" });
  assert.equal(
    [ref.id, ref.channel, ref.entryId, ref.traceparent],
    [entry?.fields["id"], "things", entry?.id, entry?.fields["traceparent"]],
  );
  assert.equal([entry?.fields["time"], entry?.fields["key"]], ["1234", "k"]);
  assert.match(ref.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
});

test("writes the fields in the order of the wire format, and none that is empty in all of a batch", async () => {
  await using o = await open({ baggage: { allow: ["user.id", "client.order_id"] } });
  const channel = things("things");
  const names = async (): Promise<string[]> => {
    const rows = await o.client.xrange(o.stream(channel), "-", "+");
    await o.client.del(o.stream(channel));
    return rows.map(([, fields]) => fields.filter((_, i) => i % 2 === 0).join());
  };
  const cause = await o.backbone.publish(channel, { n: 1 });
  assert.equal(await names(), ["id,time,payload"]);
  await Promise.all([
    o.backbone.publish(channel, { n: 2, key: "k" }, { causedBy: [cause] }),
    o.backbone.publish(channel, { n: 3 }, { baggage: { "user.id": "u" } }),
  ]);
  assert.equal(await names(), ["id,time,key,payload,baggage,causes", "id,time,key,payload,baggage,causes"]);
});

test("publishes a detached event without the active span and baggage", async () => {
  await using o = await open({ baggage: { allow: ["user.id", "client.order_id"] } });
  const channel = things("things");
  const forged = { "order.id": "forged", "user.id": "somebody else" };
  await withBaggage(forged, async () => {
    await o.backbone.publish(channel, { n: 1 }, { detached: true, baggage: { "user.id": "u" } });
    await o.backbone.publishAll([item(channel, { n: 2 }, { detached: true })]);
    await rejects(
      o.backbone.publishAll([item(channel, { n: 3 }, { detached: true }), item(channel, { n: 4 })]),
      ConfigError,
      /one story/,
    );
  });
  assert.equal(
    (await o.entries(channel)).map(({ fields }) => fields["baggage"]),
    ["user.id=u", ""],
  );
});

test("names the causes and the baggage on the entry", async () => {
  await using o = await open({ baggage: { allow: ["user.id", "client.order_id"] } });
  const channel = things("things");
  const cause = await o.backbone.publish(channel, { n: 1 });
  await withBaggage({ "user.id": "u 1" }, () =>
    o.backbone.publish(channel, { n: 2 }, { causedBy: [cause], baggage: { "client.order_id": "c-1" } }),
  );
  const [, entry] = await o.entries(channel);
  assert.is(entry?.fields["causes"]?.split(" ")[0], cause.id);
  assert.equal(entry?.fields["baggage"]?.split(",").sort(), ["client.order_id=c-1", "user.id=u%201"]);
});

test("names the channel and the function when its key or its correlation fails, and appends nothing", async () => {
  await using o = await open();
  const cause = new TypeError("no such field");
  const fails = (): never => {
    throw cause;
  };
  const wrong: readonly (readonly [Channel<Thing>, RegExp, unknown])[] = [
    [things("a", { key: fails }), /^channel "a": its key function threw: no such field$/, cause],
    [things("b", { correlation: fails }), /^channel "b": its correlation function threw: no such field$/, cause],
    [things("c", { key: () => undefined as never }), /^channel "c": its key function gave undefined/, undefined],
  ];
  for (const [channel, message, expected] of wrong) {
    for (const publish of [
      () => o.backbone.publish(channel, { n: 1 }),
      () => o.backbone.publishAll([item(channel, { n: 1 })]),
    ]) {
      const error = await rejects(publish(), ChannelError, message);
      assert.is(error.cause, expected);
    }
    assert.equal(await o.entries(channel), []);
  }
});

test("appends a caller's event id once within the channel's window, and gives the first one's entry id", async () => {
  await using o = await open();
  const channel = things("things", { dedupe: { windowMs: 60_000 } });
  const options = { eventId: "order-1" };
  const first = await o.backbone.publish(channel, { n: 1 }, options);
  const [again, inSameBatch] = await Promise.all([
    o.backbone.publish(channel, { n: 1 }, options),
    o.backbone.publish(channel, { n: 1 }, options),
  ]);
  await o.backbone.publish(channel, { n: 2 }, { eventId: "order-2" });
  assert.is(again?.entryId, first.entryId);
  assert.is(inSameBatch?.entryId, first.entryId);
  assert.equal(
    (await o.entries(channel)).map(({ fields }) => fields["id"]),
    ["order-1", "order-2"],
  );
  assert.ok((await o.client.pttl(o.keys.seen(0, "things", "order-1"))) > 50_000);
});

test("appends a caller's event id each time where the channel has no window", async () => {
  await using o = await open();
  const channel = things("things");
  await o.backbone.publish(channel, { n: 1 }, { eventId: "order-1" });
  await o.backbone.publish(channel, { n: 1 }, { eventId: "order-1" });
  assert.is((await o.entries(channel)).length, 2);
});

test("rejects where the channel's key is no stream, and the neighbours of the batch go through", async () => {
  await using o = await open();
  const [good, bad] = [things("good"), things("bad")];
  await o.client.set(o.stream(bad), "a string");
  const [first, second, third] = await Promise.allSettled([
    o.backbone.publish(good, { n: 1 }),
    o.backbone.publish(bad, { n: 2 }),
    o.backbone.publish(good, { n: 3 }),
  ]);
  assert.equal([first?.status, second?.status, third?.status], ["fulfilled", "rejected", "fulfilled"]);
  const error = second?.status === "rejected" ? second.reason : undefined;
  assert.instance(error, PublishError);
  assert.is(error.outcome, "rejected");
  assert.match(error.message, "is a string, not a stream");
  assert.is((await o.entries(good)).length, 2);
});

test("refuses a payload before anything is sent, with the path and the reason", async () => {
  await using o = await open();
  const order = defineChannel({
    name: "orders",
    schema: z.object({ user: z.object({ id: z.string() }), quantity: z.number().int() }),
  });
  const error = await rejects(
    o.backbone.publish(order, { user: { id: 7 }, quantity: 1.5 } as never),
    PayloadError,
    /user\.id: .*expected string/,
  );
  assert.equal(
    error.issues.map(({ path }) => path),
    ["user.id", "quantity"],
  );
  assert.is(await o.client.exists(o.stream(order)), 0);
});

test("refuses a payload that is too large, too deep, no JSON, or has a forbidden key", async () => {
  await using o = await open();
  const anything = (limits = {}): Channel<unknown> =>
    defineChannel({ name: "anything", schema: z.unknown(), ...limits });
  const nested = (depth: number): unknown => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i++) value = [value];
    return value;
  };
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const refused: readonly (readonly [unknown, Channel<unknown>, RegExp])[] = [
    ["é".repeat(600), anything({ maxPayloadBytes: 1_000 }), /takes 1202 bytes, more than 1000/],
    ["x".repeat(1_048_576), anything(), /takes 1048578 bytes/],
    [nested(65), anything(), /nested deeper than 64/],
    [nested(100_000), anything(), /cannot be written as JSON|nested deeper/],
    [circular, anything(), /cannot be written as JSON/],
    [1n, anything(), /cannot be written as JSON/],
    [undefined, anything(), /no JSON form/],
    [JSON.parse('{"a":{"__proto__":{"x":1}}}'), anything(), /__proto__/],
    [{ constructor: 1 }, anything(), /constructor/],
    [[{ prototype: {} }], anything(), /prototype/],
  ];
  for (const [payload, channel, reason] of refused) {
    await rejects(o.backbone.publish(channel, payload), PayloadError, reason);
  }
  assert.is(await o.client.exists(o.stream(anything())), 0);
  const good = [nested(64), "x".repeat(1_048_574), '"__proto__":', ["__proto__", "constructor"], { a: "\u0000\ud800" }];
  for (const payload of good) await o.backbone.publish(anything(), payload);
  assert.is((await o.entries(anything())).length, good.length);
});

test("refuses an event id or causes that an entry cannot hold", async () => {
  await using o = await open();
  const channel = things("things");
  const ref = { id: "x", channel: "things", entryId: "", traceparent: "" };
  await rejects(o.backbone.publish(channel, { n: 1 }, { eventId: "" }), ChannelError);
  await rejects(o.backbone.publish(channel, { n: 1 }, { eventId: "x".repeat(257) }), ChannelError);
  await rejects(o.backbone.publish(channel, { n: 1 }, { causedBy: Array(1_001).fill(ref) }), ChannelError);
  await o.backbone.publish(channel, { n: 1 }, { causedBy: Array(1_000).fill(ref) });
  assert.is((await o.entries(channel)).length, 1);
});

test("close waits for publishes under way, and later publishes are rejected", async () => {
  await using o = await open();
  const channel = things("things");
  const published = Array.from({ length: 300 }, (_, n) => o.backbone.publish(channel, { n }));
  await o.backbone.close();
  await Promise.all(published);
  const error = await rejects(o.backbone.publish(channel, { n: 300 }), PublishError);
  assert.is(error.outcome, "rejected");
  assert.is((await o.entries(channel)).length, 300);
});

test("offers a channel as a notification handler that knows nothing else", async () => {
  await using o = await open();
  const channel = things("things");
  await o.backbone.notifier(channel).handleNotification({ n: 5 });
  assert.equal((await o.entries(channel))[0]?.payload, { n: 5 });
  await rejects(o.backbone.notifier(channel).handleNotification({ n: 0.5 }), PayloadError);
});
