/** The proxy injects the faults that its tests rely on. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { eventually } from "./eventually.ts";
import { named, startProxy } from "./proxy.ts";
import { freshNamespace, redisUrl } from "./redis.ts";
import { rejects } from "./rejects.ts";
import { test } from "./test.ts";

function connectTo(url: string): Redis & Disposable {
  const client = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on("error", () => undefined);
  return Object.assign(client, { [Symbol.dispose]: () => client.disconnect() });
}

test("swallows the reply of the n-th matching command, which has run", async () => {
  await using proxy = await startProxy(redisUrl());
  using client = connectTo(proxy.url);
  using direct = connectTo(redisUrl());
  const key = `${freshNamespace()}:counter`;
  const done = proxy.swallowReply(named("incr"), 2);
  assert.is(await client.incr(key), 1);
  await rejects(client.incr(key), Error);
  await done;
  assert.is(await direct.getdel(key), "2");
});

test("cuts before a matching command, which never runs", async () => {
  await using proxy = await startProxy(redisUrl());
  using client = connectTo(proxy.url);
  using direct = connectTo(redisUrl());
  const key = `${freshNamespace()}:counter`;
  const done = proxy.cutBefore(named("incr", key));
  await rejects(client.incr(key), Error);
  await done;
  assert.is(await direct.get(key), null);
});

test("cuts the client and leaves the server's side open", async () => {
  await using proxy = await startProxy(redisUrl());
  using client = connectTo(proxy.url);
  using direct = connectTo(redisUrl());
  const id = String(await client.client("ID"));
  proxy.cut({ server: false });
  await eventually(() => client.status === "end");
  assert.match(String(await direct.client("LIST")), `id=${id} `);
});

test("delays replies, and lets none overtake another when it heals", async () => {
  await using proxy = await startProxy(redisUrl());
  using client = connectTo(proxy.url);
  using direct = connectTo(redisUrl());
  const key = `${freshNamespace()}:counter`;
  await client.ping();
  proxy.delay("toClient", 300);
  const first = client.incr(key);
  await eventually(async () => (await direct.get(key)) === "1");
  proxy.heal();
  assert.equal(await Promise.all([first, client.incr(key)]), [1, 2]);
});

test("falls silent without a reset, and heals for new connections", async () => {
  await using proxy = await startProxy(redisUrl());
  using client = connectTo(proxy.url);
  await client.ping();
  proxy.blackHole("toClient");
  let answered = false;
  client.ping().then(
    () => {
      answered = true;
    },
    () => undefined,
  );
  proxy.heal();
  using second = connectTo(proxy.url);
  assert.is(await second.ping(), "PONG");
  await eventually(() => proxy.connections === 2);
  assert.is(answered, false);
  assert.is(client.status, "ready");
});
