/** A failed attempt is tried again when it is due, and a delivery that will never succeed becomes a dead letter. */

import * as assert from "uvu/assert";
import { on, PermanentError } from "../../src/index.ts";
import { sliceScripts } from "../../src/redis/slices/scripts.ts";
import { open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { named, startProxy } from "../support/proxy.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

test("lets others of the key go on while one is parked, and comes back to it when it is due", async () => {
  await using o = await open();
  const channel = things("things", { retry: { backoffMs: 60, jitter: 0 } });
  const seen: [number, number][] = [];
  const at: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, ({ payload }, { attempt }) => {
        seen.push([payload.n, attempt]);
        if (payload.n === 1) at.push(performance.now());
        if (payload.n === 1 && attempt < 3) throw new Error("not yet");
      }),
    ]),
  );
  await o.backbone.publish(channel, { n: 1, key: "k" });
  await o.backbone.publish(channel, { n: 2, key: "k" });
  await component.whenIdle();
  assert.equal(seen, [
    [1, 1],
    [2, 1],
    [1, 2],
    [1, 3],
  ]);
  const [first = 0, second = 0, third = 0] = at;
  assert.ok(second - first >= 59, `the second attempt came after ${second - first} ms`);
  assert.ok(third - second >= 119, `the third attempt came after ${third - second} ms`);
  assert.is(await o.client.exists(o.keys.attempts(0, "things", "c"), o.keys.parked(0, "things", "c")), 0);
});

test("holds the key's lane with onRetry block, so that its order is kept", async () => {
  await using o = await open();
  const channel = things("things", { retry: { backoffMs: 20, jitter: 0, onRetry: "block" } });
  const seen: [number, number][] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, ({ payload }, { attempt }) => {
        seen.push([payload.n, attempt]);
        if (payload.n === 1 && attempt < 3) throw new Error("not yet");
      }),
    ]),
  );
  for (const n of [1, 2]) await o.backbone.publish(channel, { n, key: "k" });
  const other = await o.backbone.publish(channel, { n: 3, key: "other" });
  await component.whenSettled(other);
  assert.ok(seen.some(([n]) => n === 3) && !seen.some(([n]) => n === 2));
  await component.whenIdle();
  assert.equal(
    seen.filter(([n]) => n !== 3),
    [
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 1],
    ],
  );
});

test("counts a parked entry that is gone when it is due as lost, and goes on", async () => {
  await using o = await open();
  const channel = things("things", { retry: { backoffMs: 300, jitter: 0 } });
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, ({ payload }) => {
        if (payload.n === 0) throw new Error("later");
      }),
    ]),
  );
  const { entryId } = await o.backbone.publish(channel, { n: 0 });
  await eventually(async () => (await o.client.zcard(o.keys.parked(0, "things", "c"))) === 1);
  await o.client.xdel(o.stream(channel), entryId);
  await o.backbone.publish(channel, { n: 1 });
  await component.whenIdle();
  const lost = o.log.filter(({ level, text }) => level === "error" && text.includes("it is lost"));
  assert.equal(
    lost.map(({ fields }) => fields["entryId"]),
    [entryId],
  );
  assert.is(await o.client.exists(o.keys.attempts(0, "things", "c"), o.keys.parked(0, "things", "c")), 0);
  assert.equal(await o.dead(channel, "c"), []);
});

test("finds a parked delivery whose timer was lost", async () => {
  await using o = await open();
  const channel = things("things", { retry: { backoffMs: 300, jitter: 0 } });
  const component = await o.run(
    o.backbone.component(
      "c",
      [
        on(channel, async (_, { attempt }) => {
          if (attempt === 1) throw new Error("once");
        }),
      ],
      { takeoverAfterMs: 500 },
    ),
  );
  const ref = await o.backbone.publish(channel, { n: 1 });
  const removed = await eventually(async () => {
    const timers = await o.client.keys(`${o.keys.bull()}:retry-c:*_${ref.entryId}_*`);
    if (timers.length === 0) return false;
    return o.client.del(...(await o.client.keys(`${o.keys.bull()}:*`)));
  });
  assert.ok(removed > 0);
  assert.is(await component.whenSettled(ref), "acked");
});

test("sends a PermanentError to the dead letters at once, with every field as it was", async () => {
  await using o = await open({ baggage: { allow: ["user.id"] } });
  const channel = things("things", { retry: soon });
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, () => {
        throw new PermanentError("never");
      }),
    ]),
  );
  const ref = await o.backbone.publish(channel, { n: 1, key: "k" }, { baggage: { "user.id": "u-1" } });
  assert.is(await component.whenSettled(ref), "deadLettered");
  const [entry] = await o.entries(channel);
  const [letter] = await o.dead(channel, "c");
  const { "dead-first": first, "dead-at": at, "dead-traceparent": _, ...rest } = letter ?? {};
  assert.equal(rest, {
    ...Object.fromEntries(Object.entries(entry?.fields ?? {}).filter(([, value]) => value !== "")),
    "dead-channel": "things",
    "dead-entry": ref.entryId,
    "dead-component": "c",
    "dead-code": "THROUGHLINE_PERMANENT",
    "dead-error": "PermanentError: never",
    "dead-attempts": "1",
    "dead-fields-cut": "0",
  });
  assert.ok(Number(first) <= Number(at) && Math.abs(Date.now() - Number(at)) < 60_000);
  assert.is((await o.client.xpending(o.stream(channel), "c"))[0], 0);
});

test("gives up after maxAttempts, as the subscription overrides it", async () => {
  await using o = await open();
  const channel = things("things", { retry: { ...soon, maxAttempts: 9 } });
  let attempts = 0;
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, { retry: { maxAttempts: 3 } }, () => {
        attempts++;
        throw Object.assign(new Error("x".repeat(5_000)), { code: "ECONNREFUSED" });
      }),
    ]),
  );
  const ref = await o.backbone.publish(channel, { n: 1 });
  assert.is(await component.whenSettled(ref), "deadLettered");
  assert.is(attempts, 3);
  const [letter] = await o.dead(channel, "c");
  assert.equal([letter?.["dead-attempts"], letter?.["dead-code"]], ["3", "ECONNREFUSED"]);
  assert.is(letter?.["dead-error"]?.length, 2_000);
  assert.ok(Number(letter?.["dead-first"]) <= Number(letter?.["dead-at"]));
  assert.is(await o.client.exists(o.keys.attempts(0, "things", "c"), o.keys.parked(0, "things", "c")), 0);
});

test("dead-letters whatever is thrown, also what is no error", async () => {
  await using o = await open();
  const channel = things("things", { retry: { maxAttempts: 1 } });
  const thrown = [
    undefined,
    "text",
    7,
    null,
    {
      toString: () => {
        throw new Error("no text");
      },
    },
    Object.create(null),
  ];
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, ({ payload }) => {
        throw thrown[payload.n];
      }),
    ]),
  );
  for (let n = 0; n < thrown.length; n++) await o.backbone.publish(channel, { n, key: "k" });
  await component.whenIdle();
  assert.equal(
    (await o.dead(channel, "c")).map((letter) => letter["dead-error"]),
    [
      "thrown: undefined",
      "thrown: text",
      "thrown: 7",
      "thrown: null",
      "thrown: a value that has no text",
      "thrown: a value that has no text",
    ],
  );
});

test("counts an attempt once when the reply to its count, its parking or its burial is lost", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const channel = things("things", { retry: { ...soon, maxAttempts: 4 } });
  const attempts: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(channel, (_, { attempt }) => {
        attempts.push(attempt);
        throw new Error("always");
      }),
    ]),
  );
  // The first parking, the count of the second attempt, and the burial.
  const swallowed = [
    proxy.swallowReply(named("evalsha", sliceScripts.settle.sha), 1),
    proxy.swallowReply(named("evalsha", sliceScripts.count.sha), 1),
    proxy.swallowReply(named("evalsha", sliceScripts.settle.sha), 4),
  ];
  const ref = await o.backbone.publish(channel, { n: 1 });
  assert.is(await component.whenSettled(ref), "deadLettered");
  await Promise.all(swallowed);
  assert.equal(attempts, [1, 2, 3, 4]);
  assert.not(
    o.log.some(({ text }) => text === "has lost the partition"),
    "nobody else had it",
  );
  assert.equal(
    (await o.dead(channel, "c")).map((letter) => letter["dead-attempts"]),
    ["4"],
  );
});

test(
  "does not take lost replies for crashes",
  async () => {
    await using proxy = await startProxy(redisUrl());
    await using o = await open({ url: proxy.url, direct: redisUrl() });
    const channel = things("things", { retry: { ...soon, maxAttempts: 12 } });
    const component = await o.run(
      o.backbone.component("c", [
        on(channel, async (_, { attempt }) => {
          if (attempt < 10) {
            proxy.swallowReply(named("evalsha", sliceScripts.count.sha));
            throw new Error("not yet");
          }
        }),
      ]),
    );
    const ref = await o.backbone.publish(channel, { n: 1 });
    assert.is(await component.whenSettled(ref), "acked");
  },
  { timeoutMs: 40_000 },
);
