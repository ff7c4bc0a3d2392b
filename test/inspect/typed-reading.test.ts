/** A channel's entries are read as its schema says, and a component's state is listed. */

import * as assert from "uvu/assert";
import { z } from "zod";
import { defineChannel, on } from "../../src/index.ts";
import { open, type Thing, things } from "../support/backbone.ts";
import { test } from "../support/test.ts";

const things1 = things("things");

test("gives payloads as the channel's schema does, and what is unreadable as such, without stopping", async () => {
  await using o = await open();
  await o.backbone.publish(things1, { n: 1, key: "a" });
  await o.write(things1, "payload", "{no JSON");
  await o.write(things1, "payload", '{"n":"two"}', "id", "e-2");
  await o.write(things1, "no", "payload");
  await o.write(things1, "payload", '{"n":3,"extra":true}');
  const payloads: Thing[] = [];
  const problems: { id: string | undefined; problem: string }[] = [];
  for await (const { payload, problem, envelope } of o.backbone.read(things1)) {
    if (problem === undefined) payloads.push(payload);
    else problems.push({ id: envelope?.id, problem });
  }
  assert.equal(payloads, [{ n: 1, key: "a" }, { n: 3 }]);
  assert.is(problems.length, 3);
  assert.match(problems[0]?.problem ?? "", /no JSON/);
  assert.is(problems[1]?.id, "e-2");
  assert.match(problems[1]?.problem ?? "", /\bn\b/);
  assert.is(problems[2]?.id, undefined);
});

test("reads in the order and range that are asked for, also where the schema is asynchronous", async () => {
  await using o = await open();
  const channel = defineChannel({ name: "slow", schema: z.object({ n: z.number().refine(async (n) => n !== 3) }) });
  for (const n of [1, 2, 4]) await o.backbone.publish(channel, { n });
  await o.write(channel, "payload", '{"n":3}');
  const seen: (number | string)[] = [];
  for await (const { payload, problem } of o.backbone.read(channel, { reverse: true, limit: 3 }))
    seen.push(payload?.n ?? (problem === undefined ? "none" : "problem"));
  assert.equal(seen, ["problem", 4, 2]);
});

test("by its name alone a channel gives entries whose payload is text", async () => {
  await using o = await open();
  await o.backbone.publish(things1, { n: 1 });
  for await (const { envelope } of o.backbone.read("things")) assert.is(envelope?.payload, '{"n":1}');
});

test("lists a component's state, each key once, over all partitions and however much there is", async () => {
  await using o = await open({ partitions: 2 });
  const component = await o.run(
    o.backbone.component("c", [
      on(things1, ({ payload: { n } }, { state }) => {
        const counts = state<{ n: number }>("counts");
        counts.set(`k-${n}`, { n });
        if (n % 10 === 0) counts.delete(`k-${n - 1}`);
      }),
    ]),
  );
  await Promise.all(Array.from({ length: 700 }, (_, n) => o.backbone.publish(things1, { n, key: `p-${n % 7}` })));
  await component.whenIdle();
  const view = o.backbone.view<{ n: number }>("c", "counts");
  const found = new Map<string, { n: number }>();
  let count = 0;
  for await (const [key, value] of view.list()) {
    found.set(key, value);
    count++;
  }
  assert.is(found.size, count, "each once");
  for (const [key, { n }] of found) assert.is(key, `k-${n}`);
  assert.ok(count >= 630, `${count} keys`);
  assert.equal(await view.get("k-10"), found.get("k-10"));
  const none: unknown[] = [];
  for await (const entry of o.backbone.view("c", "nothing").list()) none.push(entry);
  assert.equal(none, []);
});
