/** What cannot be read as an event of its channel goes to the dead letters, byte for byte, and the loop goes on. */

import * as assert from "uvu/assert";
import { z } from "zod";
import { defineChannel, on } from "../../src/index.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { redisUrl, skipOnCluster } from "../support/redis.ts";
import { test } from "../support/test.ts";

test("takes an entry that was written by hand with a payload only", async () => {
  await using o = await open();
  const channel = things("things");
  const entryId = await o.write(channel, "payload", '{"n":1}');
  const seen: unknown[] = [];
  const component = await o.run(o.backbone.component("c", [on(channel, (event) => void seen.push(event))]));
  await component.whenIdle();
  const time = Number.parseInt(entryId, 10);
  assert.equal(seen, [
    {
      id: `things/${entryId}`,
      channel: "things",
      entryId,
      traceparent: "",
      payload: { n: 1 },
      key: "",
      time,
      causes: [],
    },
  ]);
});

test("buries what breaks the wire format, the limits or the schema, and handles the good ones between", async () => {
  await using o = await open();
  const channel = things("things", { maxPayloadBytes: 1_000 });
  const deep = `${"[".repeat(100)}${"]".repeat(100)}`;
  const bad: [string, RegExp, ...string[]][] = [
    ["THROUGHLINE_ENVELOPE", /no field "payload"/, "other", "x"],
    ["THROUGHLINE_ENVELOPE", /no JSON/, "payload", "{"],
    ["THROUGHLINE_ENVELOPE", /no JSON/, "payload", ""],
    ["THROUGHLINE_ENVELOPE", /1002 bytes, more than 1000/, "payload", JSON.stringify("x".repeat(1_000))],
    ["THROUGHLINE_ENVELOPE", /nested deeper than 64/, "payload", deep],
    ["THROUGHLINE_ENVELOPE", /__proto__/, "payload", '{"n":1,"__proto__":{"polluted":true}}'],
    ["THROUGHLINE_ENVELOPE", /__proto__/, "payload", '{"n":1,"__pr\\u006fto__":{}}'],
    ["THROUGHLINE_PAYLOAD", /n: .*expected number/, "payload", '{"n":"1"}'],
    [
      "THROUGHLINE_PAYLOAD",
      /payload: .*expected object/,
      "payload",
      "null",
      "id",
      "mine",
      "time",
      "NaN",
      "causes",
      "%%%,,, ,",
    ],
  ];
  const refs: string[] = [];
  for (const [i, [, , ...fields]] of bad.entries()) {
    refs.push(await o.write(channel, ...fields));
    await o.backbone.publish(channel, { n: i });
  }
  const seen: number[] = [];
  const component = await o.run(o.backbone.component("c", [on(channel, ({ payload }) => void seen.push(payload.n))]));
  await component.whenIdle();
  assert.equal(
    seen,
    bad.map((_, i) => i),
  );
  const letters = await o.dead(channel, "c");
  assert.equal(letters.map((letter) => letter["dead-entry"]).sort(), refs.sort());
  for (const [i, [code, reason, ...fields]] of bad.entries()) {
    const letter = letters.find((one) => one["dead-entry"] === refs[i]);
    assert.is(letter?.["dead-code"], code, fields.join(" "));
    assert.match(letter?.["dead-error"] ?? "", reason);
    for (let f = 0; f < fields.length; f += 2) assert.is(letter?.[fields[f] ?? ""], fields[f + 1]);
  }
});

test("buries a payload of invalid UTF-8, its bytes kept", async () => {
  await using o = await open();
  const text = defineChannel({ name: "texts", schema: z.object({ text: z.string() }) });
  const bytes = Buffer.concat([Buffer.from('{"text":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
  await o.write(text, "payload", bytes);
  const honest = await o.backbone.publish(text, { text: "an honest \ufffd" });
  const seen: string[] = [];
  const component = await o.run(o.backbone.component("c", [on(text, ({ id }) => void seen.push(id))]));
  await component.whenIdle();
  assert.equal(seen, [honest.id]);
  const [[, fields] = ["", []]] = await o.client.xrangeBuffer(o.keys.dead(0, "texts", "c"), "-", "+");
  const kept = fields as unknown as Buffer[];
  assert.equal(kept[kept.findIndex((field) => field.equals(Buffer.from("payload"))) + 1], bytes);
  assert.match((await o.dead(text, "c"))[0]?.["dead-error"] ?? "", "UTF-8");
});

test("buries bad entries out of a batch, and hands over the rest of it", async () => {
  await using o = await open();
  const channel = things("things");
  for (let n = 0; n < 10; n++) {
    await o.backbone.publish(channel, { n });
    await o.write(channel, "payload", n % 2 === 0 ? "no json" : '{"n":0.5}');
  }
  const seen: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, { batch: { maxSize: 20, maxWaitMs: 5 } }, (events) => {
        seen.push(...events.map(({ payload }) => payload.n));
      }),
    ]),
  );
  await component.whenIdle();
  assert.equal(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.is((await o.dead(channel, "c")).length, 10);
});

test("survives an entry with thousands of fields, and one with the same field twice", async () => {
  await using o = await open();
  const channel = things("things");
  const many = Array.from({ length: 8_000 }, (_, i) => `f${i}`);
  await o.write(channel, ...many);
  await o.write(channel, "payload", '{"n":1}', "payload", '{"n":2}');
  const seen: number[] = [];
  const component = await o.run(o.backbone.component("c", [on(channel, ({ payload }) => void seen.push(payload.n))]));
  await component.whenIdle();
  assert.equal(seen, [1]);
  const [letter] = await o.dead(channel, "c");
  assert.is(letter?.["dead-fields-cut"], "1000");
});

test("survives a channel whose rules throw on an event, whether its schema answers at once or later", async () => {
  await using o = await open();
  const rules = {
    correlation: ({ n }: { n: number }) => {
      if (n === 13) throw new TypeError("unlucky");
      return {};
    },
  };
  const schema = z.object({ n: z.number() });
  const now = defineChannel({ name: "now", schema, ...rules });
  const later = defineChannel({ name: "later", schema: schema.refine(async () => true), ...rules });
  for (const channel of [now, later]) {
    await o.write(channel, "payload", '{"n":13}');
    await o.write(channel, "payload", '{"n":1}');
  }
  const seen: string[] = [];
  const handle = ({ channel, payload }: { channel: string; payload: { n: number } }): void =>
    void seen.push(`${channel} ${payload.n}`);
  const component = await o.run(o.backbone.component("c", [on(now, handle), on(later, handle)]));
  await component.whenIdle();
  assert.equal(seen.sort(), ["later 1", "now 1"]);
  for (const channel of [now, later]) assert.is((await o.dead(channel, "c"))[0]?.["dead-code"], "THROUGHLINE_CHANNEL");
});

test("counts an entry that was deleted before it was handled as lost, and goes on", async () => {
  await using o = await open();
  const channel = things("things");
  const gone = await o.backbone.publish(channel, { n: 1 });
  await o.backbone.publish(channel, { n: 2 });
  // As an owner leaves it that died in the middle of the first, and had settled nothing.
  const row = { epoch: "1", owner: "", beat: "1", seq: "0", wanted: "", deaths: "0" };
  const begun = { "at:things": gone.entryId, "read:things": "1", "open:things": gone.entryId };
  await o.client.hset(o.keys.owner(0, "c"), { ...row, ...begun });
  await o.client.xdel(o.stream(channel), gone.entryId);
  const seen: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [on(channel, ({ payload }) => void seen.push(payload.n))], { takeoverAfterMs: 500 }),
  );
  await component.whenIdle();
  assert.equal(seen, [2]);
  assert.ok(o.log.some(({ level, text }) => level === "error" && text.includes("lost")));
});

test("keeps the entry pending, and says so, while the dead letters' key has another type", async () => {
  await using o = await open();
  const channel = things("things");
  const dead = o.keys.dead(0, "things", "c");
  await o.client.set(dead, "a string");
  await o.write(channel, "payload", "no json");
  const component = await o.run(o.backbone.component("c", [on(channel, () => undefined)]));
  await eventually(() => o.log.some(({ fields }) => String(fields["reason"]).includes("is a string, not a stream")));
  await eventually(async () => (await o.client.xpending(o.stream(channel), "c"))[0] === 1);
  await o.client.del(dead);
  await component.whenIdle();
  assert.is((await o.dead(channel, "c")).length, 1);
});

test("writes one dead letter when the right to acknowledge is withdrawn for a while", async () => {
  skipOnCluster("ACL SETUSER");
  await using o = await open();
  const channel = things("things");
  const user = `user-${o.backbone.namespace}`;
  await o.client.call("ACL", "SETUSER", user, "on", ">secret", "allkeys", "+@all");
  try {
    const url = new URL(redisUrl());
    url.username = user;
    url.password = "secret";
    await using limited = await open({ url: url.href, namespace: o.backbone.namespace, direct: redisUrl() });
    const component = await limited.run(limited.backbone.component("c", [on(channel, () => undefined)]));
    await o.client.call("ACL", "SETUSER", user, "-xack");
    await o.write(channel, "payload", "no json");
    await eventually(
      () => limited.log.filter(({ text }) => text.startsWith("the store refuses settlements")).length >= 2,
    );
    await o.client.call("ACL", "SETUSER", user, "+xack");
    await component.whenIdle();
    assert.is((await o.dead(channel, "c")).length, 1);
  } finally {
    await o.client.call("ACL", "DELUSER", user);
  }
});
