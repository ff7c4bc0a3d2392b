/** Attacks of one channel's producer on others with raw commands: none succeeds. Damage to its own channel is in spoiled.test.ts. */

import * as assert from "uvu/assert";
import { openOwner } from "../../../src/composition/owner.ts";
import { connectBackbone, on, PublishError } from "../../../src/index.ts";
import { formatVersion } from "../../../src/redis/keys.ts";
import { sliceScripts } from "../../../src/redis/slices/scripts.ts";
import { scripts } from "../../../src/redis/store/scripts.ts";
import { things } from "../../support/backbone.ts";
import { eventually } from "../../support/eventually.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { assertDenied, namespace, start } from "./server.ts";

const meta = `${namespace}:meta`;

test("a producer cannot change a retention, the partition count or anything else of the namespace's description", async () => {
  await using server = await start();
  const url = await server.publisher("src");
  const other = things("other", { retention: { maxEntries: 500 } });
  const worker = await server.connect(await server.user("worker", ["component"], { channels: ["src", "other"] }));
  await server.run(worker.component("c", [on(other, () => undefined), on(things("src"), () => undefined)]));
  await server.described("src", "other");
  const before = await server.admin.hgetall(meta);
  await assertDenied(server.client(url), [
    ["HSET", meta, "channel:other", '{"maxEntries":1}'],
    ["HSETNX", meta, "channel:third", '{"maxEntries":1}'],
    ["HSET", meta, "partitions", "7"],
    ["HDEL", meta, "partitions"],
    ["DEL", meta],
    ["RENAME", meta, `${meta}2`],
  ]);
  // In a script of ours that writes it, too: it is there, so that nothing is written, and it says what it is.
  const asked = await server.client(url).evalsha(scripts.meta.sha, 1, meta, formatVersion, "7", "1");
  assert.equal(asked, ["hash", formatVersion, "1"]);
  assert.equal(await server.admin.hgetall(meta), before);
  await connectBackbone({ url, namespace, log: server.log }).then((backbone) => backbone.close());
});

test("a producer of one channel cannot claim an event id in another's window, and in its own only where it may dedupe", async () => {
  await using server = await start();
  const without = server.client(await server.publisher("src"));
  const withIt = server.client(await server.user("deduping", ["producer"], { channels: ["src"], dedupes: true }));
  const claim = (channel: string): readonly string[] => ["SET", `{${namespace}:0}:${channel}:seen:o-1`, "1-1"];
  await assertDenied(without, [claim("other"), claim("src")]);
  await assertDenied(withIt, [claim("other"), ["GET", `{${namespace}:0}:other:seen:o-1`]]);
  assert.is(await withIt.set(`{${namespace}:0}:src:seen:o-1`, "1-1"), "OK");
});

test(
  "a producer cannot stop the server: it has neither EVAL nor SCRIPT LOAD, and no script of ours can be made to run long",
  async () => {
    await using server = await start();
    const client = server.client(await server.publisher("src"));
    await assertDenied(client, [
      ["EVAL", "while true do end", "0"],
      ["EVAL", "while true do end", "1", `{${namespace}:0}:src`],
      ["EVAL_RO", "while true do end", "0"],
      ["SCRIPT", "LOAD", "while true do end"],
      ["SCRIPT", "FLUSH"],
      ["FUNCTION", "LOAD", "#!lua name=a\nredis.register_function('a', function() while true do end end)"],
      ["FCALL", "a", "0"],
    ]);
    const all = [...Object.entries(scripts), ...Object.entries(sliceScripts)];
    for (const [, script] of all) await server.admin.script("LOAD", script.source);
    await server.admin.config("SET", "busy-reply-threshold", "500");
    const src = `{${namespace}:0}:src`;
    const endless = new Set<string>();
    const keyLists = [[src], [src, src, src, src, src], [`{${namespace}:0}:numbers:px`, src], [meta]];
    const argLists = ["1e15", "-1e15", "nan", "inf", "0", "-3", ""].flatMap((text) => [
      Array.from({ length: 12 }, () => text),
      ["00", "1", "16", "1000", ...Array.from({ length: 12 }, () => text)],
      ["g", "m", "0", "src", "0", "", ...Array.from({ length: 6 }, () => text)],
    ]);
    for (const [name, { sha }] of all) {
      for (const keys of keyLists) {
        for (const args of argLists) {
          // Ended by the server's own hand where it takes longer than that.
          const killer = setTimeout(() => server.admin.script("KILL").catch(() => undefined), 1_000);
          await client.evalsha(sha, keys.length, ...keys, ...args).catch((error: Error) => {
            if (/BUSY|killed/i.test(error.message)) endless.add(name);
          });
          clearTimeout(killer);
          if (endless.has(name)) break;
        }
        if (endless.has(name)) break;
      }
    }
    assert.equal([...endless], []);
  },
  { timeoutMs: 90_000 },
);

test("a producer cannot forge dead letters, settlement logs, state, ownership or heartbeats", async () => {
  await using server = await start();
  const tag = `{${namespace}:0}`;
  await assertDenied(server.client(await server.publisher("src", "other")), [
    ["XADD", `${tag}:src:dead:c`, "*", "payload", "{}"],
    ["XADD", `${tag}:settled:c`, "*", "calls", "1"],
    ["XADD", `${tag}:third`, "*", "payload", "{}"],
    ["HSET", `${tag}:state:c:book`, "k", "1 {}"],
    ["HSET", `${tag}:owner:c`, "at:src", "9-0"],
    ["HMGET", `${tag}:owner:c`, "at:src"],
    ["HSET", `${tag}:src:attempts:c`, "1-1", "9:9:0"],
    ["ZADD", `${tag}:src:parked:c`, "0", "1-1"],
    ["HSET", `{${namespace}:members}:c`, "m", "1 0 0 {}"],
    ["HSET", `${tag}:trimmed`, "src", "500"],
    ["SET", `${tag}:maintenance:turn`, "x"],
    ["XADD", `${tag}:bull:maintenance:events`, "*", "a", "b"],
    ["XGROUP", "CREATE", `${tag}:src`, "c", "$"],
  ]);
});

test("a producer waits for a script that the server does not have until somebody loads it, and says so when nobody does", async () => {
  await using server = await start();
  const url = await server.publisher("src");
  const src = things("src");
  const backbone = await server.connect(url, { publishTimeoutMs: 700 });
  await backbone.publish(src, { n: 1 });
  await server.admin.script("FLUSH");
  const error = await rejects(backbone.publish(src, { n: 2 }), PublishError, /does not have the script .* prepare/);
  assert.is(error.outcome, "rejected");
  // A component loads it, again and again.
  const patient = await server.connect(url);
  const waiting = patient.publish(src, { n: 3 });
  const workerUrl = await server.user("worker", ["component"], { channels: ["src"] });
  const worker = await server.connect(workerUrl);
  const seen: number[] = [];
  await server.run(worker.component("c", [on(src, ({ payload }) => void seen.push(payload.n))]));
  await waiting;
  await eventually(() => seen.includes(3));
  assert.equal(seen, [1, 3]);
  await server.admin.script("FLUSH");
  await patient.publish(src, { n: 4 });
  await eventually(() => seen.includes(4));
});

test("a producer is told of a namespace that nobody has described, and publishes once its owner has prepared it", async () => {
  await using server = await start();
  const [channels, src] = [["src"], things("src")];
  const ownerUrl = await server.user("owner", ["owner"]);
  // Of another namespace, so that the scripts are there.
  await using elsewhere = openOwner({
    url: await server.user("all", ["owner"], { namespace: "elsewhere" }),
    namespace: "elsewhere",
  });
  await elsewhere.prepare();
  const backbone = await server.connect(await server.user("publisher", ["producer"], { channels }));
  await rejects(backbone.publish(src, { n: 1 }), PublishError, /"trading" is not described yet.*throughline prepare/s);
  assert.is(await server.admin.exists(meta), 0);
  await using owner = openOwner({ url: ownerUrl, namespace });
  assert.is(await owner.prepare({ partitions: 1 }), 1);
  await backbone.publish(src, { n: 2 });
  await rejects(owner.prepare({ partitions: 4 }), Error, /has 1 partitions, not 4/);
  assert.is(await server.admin.xlen(`{${namespace}:0}:src`), 1);
});
