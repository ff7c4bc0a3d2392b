/** publishAll appends all of its events or none. */

import * as assert from "uvu/assert";
import { ChannelError, ConfigError, item, PayloadError, PublishError } from "../../src/index.ts";
import { scripts } from "../../src/redis/store/scripts.ts";
import { open, things } from "../support/backbone.ts";
import { named, startProxy } from "../support/proxy.ts";
import { redisUrl, skipOnCluster } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

test("appends to several channels, in the order of the items", async () => {
  await using o = await open();
  const [a, b] = [things("a"), things("b")];
  const refs = await o.backbone.publishAll([item(a, { n: 1 }), item(b, { n: 2 }), item(a, { n: 3 }, { eventId: "x" })]);
  const [inA, inB] = [await o.entries(a), await o.entries(b)];
  assert.equal(
    inA.map(({ payload }) => payload.n),
    [1, 3],
  );
  assert.equal(
    refs.map(({ entryId }) => entryId),
    [inA[0]?.id, inB[0]?.id, inA[1]?.id],
  );
  assert.is(refs[2]?.id, "x");
  assert.equal(await o.backbone.publishAll([]), []);
});

test("appends none when one of the streams is of another type", async () => {
  await using o = await open();
  const [a, b] = [things("a"), things("b", { dedupe: { windowMs: 60_000 } })];
  await o.client.set(o.stream(b), "a string");
  const error = await rejects(
    o.backbone.publishAll([item(a, { n: 1 }), item(b, { n: 2 }), item(a, { n: 3 })]),
    PublishError,
    /as a whole: .*:b is a string/,
  );
  assert.is(error.outcome, "rejected");
  assert.is(await o.client.exists(o.stream(a)), 0);
});

test("appends none when a permission stops it in the middle", async () => {
  skipOnCluster("ACL SETUSER");
  await using o = await open();
  const [a, b] = [things("a", { dedupe: { windowMs: 60_000 } }), things("b")];
  const user = `user-${o.backbone.namespace}`;
  await o.client.call("ACL", "SETUSER", user, "on", ">secret", "+@all", "~*");
  try {
    const url = new URL(redisUrl());
    url.username = user;
    url.password = "secret";
    await using limited = await open({ url: url.href, namespace: o.backbone.namespace, direct: redisUrl() });
    await limited.backbone.publish(a, { n: 0 });
    // May still touch everything, but append to one of the two only.
    await o.client.call("ACL", "SETUSER", user, "-xadd", "(+xadd ~*:a)");
    const both = [item(a, { n: 1 }, { eventId: "e-1" }), item(b, { n: 2 })];
    await rejects(limited.backbone.publishAll(both), PublishError);
    assert.is((await o.entries(a)).length, 1);
    await o.client.call("ACL", "SETUSER", user, "clearselectors", "+xadd");
    await limited.backbone.publishAll(both);
    assert.equal([(await o.entries(a)).length, (await o.entries(b)).length], [2, 1]);
  } finally {
    await o.client.call("ACL", "DELUSER", user);
  }
});

test("sends nothing when one payload is refused", async () => {
  await using o = await open();
  const a = things("a");
  await rejects(
    o.backbone.publishAll([item(a, { n: 1 }), item(a, { n: 1.5 })]),
    PayloadError,
    /^channel "a" refuses .* n: /,
  );
  assert.is(await o.client.exists(o.stream(a)), 0);
});

test("appends all once when the reply is lost", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const a = things("a");
  await o.backbone.publish(a, { n: 0 });
  const swallowed = proxy.swallowReply(named("evalsha", scripts.append.sha));
  const refs = await o.backbone.publishAll(Array.from({ length: 1_000 }, (_, n) => item(a, { n: n + 1 })));
  await swallowed;
  assert.equal(
    (await o.entries(a)).slice(1).map(({ id }) => id),
    refs.map(({ entryId }) => entryId),
  );
});

test("refuses more than 1,000 events and events of several partitions", async () => {
  await using o = await open({ partitions: 4 });
  const a = things("a");
  await rejects(o.backbone.publishAll(Array.from({ length: 1_001 }, (_, n) => item(a, { n }))), ConfigError);
  const items = ["k1", "k2", "k3", "k4", "k5"].map((key, n) => item(a, { n, key }));
  await rejects(o.backbone.publishAll(items), ChannelError, /atomic within a partition/);
  await o.backbone.publishAll([item(a, { n: 1, key: "k1" }), item(a, { n: 2, key: "k1" })]);
});
