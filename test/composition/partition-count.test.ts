/** A process that connects before anybody has used the namespace takes the count that is decided meanwhile, for as long as it has used nothing. */

import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { ConfigError, item, on } from "../../src/index.ts";
import { silentLog } from "../../src/ports/log.ts";
import { Connection } from "../../src/redis/client/connection.ts";
import { runScript } from "../../src/redis/client/run-script.ts";
import { Keys } from "../../src/redis/keys.ts";
import { Namespace } from "../../src/redis/namespace.ts";
import { importRecording, openRecording, record } from "../../src/replay.ts";
import { type Opened, open, things } from "../support/backbone.ts";
import { startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const source = things("source");
const out = things("out");
const keys = ["a", "b", "c", "d", "e", "f", "g", "h"];

/** A backbone that goes by nothing yet, and one that has made four partitions of the namespace since. */
async function openBoth(): Promise<AsyncDisposable & { readonly early: Opened; readonly late: Opened }> {
  const early = await open();
  const late = await open({ namespace: early.backbone.namespace, partitions: 4 });
  return {
    early,
    late,
    [Symbol.asyncDispose]: async () => {
      await late[Symbol.asyncDispose]();
      await early[Symbol.asyncDispose]();
    },
  };
}

/** The keys of a channel's events by partition. */
async function placed(o: Opened, channel: { readonly name: string }): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { envelope, partition } of o.backbone.read(channel.name))
    found.push(`${partition} ${envelope?.key}`);
  return [...new Set(found)].sort();
}

test("publishes lie where those of the others lie, and in the order of the calls", async () => {
  await using both = await openBoth();
  const { early, late } = both;
  await Promise.all(keys.map((key) => late.backbone.publish(source, { n: 0, key })));
  const expected = await placed(late, source);
  assert.is(new Set(expected.map((place) => place[0])).size, 4);
  const publishes = keys.flatMap((key) => [1, 2, 3].map((n) => early.backbone.publish(source, { n, key })));
  const together = early.backbone.publishAll([4, 5].map((n) => item(source, { n, key: "a" })));
  await Promise.all([...publishes, together]);
  assert.equal(await placed(early, source), expected);
  const order: number[] = [];
  for await (const { payload } of early.backbone.read(source)) if (payload?.key === "a") order.push(payload.n);
  assert.equal(order, [0, 1, 2, 3, 4, 5]);
});

test("a component that was made before takes part in all partitions once it runs, and its state is found", async () => {
  await using both = await openBoth();
  const { early, late } = both;
  const component = early.backbone.component("c", [
    on(source, async ({ key, payload: { n } }, { state, publish }) => {
      state<number>("sums").set(key, n);
      await publish(out, { n, key });
    }),
  ]);
  const view = early.backbone.view<number>("c", "sums");
  await Promise.all(keys.map((key, n) => late.backbone.publish(source, { n, key })));
  await early.run(component);
  await component.whenIdle();
  assert.equal(component.owned, [0, 1, 2, 3]);
  assert.equal(await placed(early, out), await placed(late, source));
  const sums: Record<string, number> = {};
  for await (const [key, sum] of view.list()) sums[key] = sum;
  assert.equal(sums, Object.fromEntries(keys.map((key, n) => [key, n])));
  assert.is(await late.backbone.view<number>("c", "sums").get("h"), 7);
});

test("questions about a component that runs elsewhere, its state, and an import go by the count that was decided", async () => {
  await using both = await openBoth();
  const { early, late } = both;
  const asked = early.backbone.component("c", [on(source, () => undefined)]);
  const handled = on(source, ({ key, payload: { n } }, { state }) => void state<number>("sums").set(key, n));
  await late.run(late.backbone.component("c", [handled]));
  const refs = await Promise.all(keys.map((key, n) => late.backbone.publish(source, { n, key })));
  await asked.whenIdle();
  for (const ref of refs) assert.is(await asked.whenSettled(ref), "acked");
  for (const [n, key] of keys.entries()) assert.is(await early.backbone.view<number>("c", "sums").get(key), n);

  await using again = await openBoth();
  await again.late.backbone.publish(out, { n: 0 }); // decides the count
  await using directory = await mkdtempDisposable(join(tmpdir(), "throughline-count-"));
  const path = join(directory.path, "source.ndjson");
  await record(late.backbone, [source], path);
  await importRecording(again.early.backbone, await openRecording(path), { speed: "max" });
  assert.equal(await placed(again.early, source), await placed(late, source));
});

test("a count that was used is not changed any more: what to do is said", async () => {
  const names = new Keys(freshNamespace());
  const connection = new Connection({ url: redisUrl(), log: silentLog, silenceMs: 5_000, purpose: "test" });
  try {
    const send = (...call: Parameters<Parameters<Namespace["claim"]>[0]>) => runScript(connection, ...call);
    const opened = (count: number) => Namespace.open(connection, names, { count, isRequired: false }, undefined);
    const [used, unused, decided] = [await opened(1), await opened(2), await opened(4)];
    assert.is(used.use(), 1);
    await decided.claim(send);
    await unused.look(send);
    assert.is(unused.use(), 4);
    await unused.claim(send);
    await rejects(
      used.look(send),
      ConfigError,
      /has 4 partitions by now, .* use it with 1, .* Start this process again/,
    );
    await rejects(used.claim(send), ConfigError, /has 4 partitions by now/);
  } finally {
    connection.close();
  }
});

test("the same with processes: who has connected first takes the count of who has published first", async () => {
  const namespace = freshNamespace();
  const args = [redisUrl(), namespace];
  await using first = startProcess("test/fixtures/counts-partitions.ts", args);
  await first.line("connected");
  await using second = startProcess("test/fixtures/counts-partitions.ts", [...args, "4"]);
  await second.line("connected");
  second.end("go\n");
  assert.is(await second.line(/handled/), "handled 8 of 8 in 4 partitions");
  first.end("go\n");
  assert.is(await first.line(/handled/), "handled 16 of 16 in 4 partitions");
  assert.equal(await first.ended, { code: 0, signal: null });
});
