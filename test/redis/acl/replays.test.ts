/** A user who may replay into some namespaces can do so, in the foreground or as a worker, and is refused every other namespace. */

import * as assert from "uvu/assert";
import { StoreError } from "../../../src/index.ts";
import { openReplays, replay, type Speed } from "../../../src/replay.ts";
import { things } from "../../support/backbone.ts";
import { eventually } from "../../support/eventually.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { assertDenied, namespace, start } from "./server.ts";

test("a user with the replay role replays into a namespace, records the run, and resumes it", async () => {
  await using server = await start();
  const things1 = things("things");
  const backbone = await server.connect(await server.publisher("things"));
  for (let n = 0; n < 5; n++) await backbone.publish(things1, { n });
  const url = await server.user("replayer", ["replay"], { into: "shadow" });
  const options = { url, sourceNamespace: namespace, channels: ["things"], speed: "max" } as const;
  const { run, entries } = await replay({ ...options, namespace: "shadow" });
  assert.is(entries, 5);
  assert.is(await server.admin.xlen("{shadow:0}:things"), 5);
  assert.is((await replay({ url, sourceNamespace: namespace, resume: run })).appended, 0);
  for (const other of ["elsewhere", namespace]) {
    await rejects(
      replay({ ...options, namespace: other, live: true }),
      StoreError,
      new RegExp(`namespace "${other}" cannot be|run .* cannot be looked up: .* script can't access`),
    );
  }
  assert.is(await server.admin.xlen(`{${namespace}:0}:things`), 5);
});

test(
  "a background worker needs no more than the role has with its option, and is refused elsewhere",
  async () => {
    await using server = await start();
    const backbone = await server.connect(await server.publisher("things"));
    for (let n = 0; n < 5; n++) {
      const { entryId } = await backbone.publish(things("things"), { n });
      // Entries appended within one millisecond are replayed at once, however slow the replay is.
      await eventually(() => Date.now() > Number.parseInt(entryId, 10) + 1);
    }
    const options = { namespace, log: server.log };
    const url = await server.user("worker", ["replay"], { into: "shadow", background: true });
    await using replays = openReplays({ url, ...options });
    const source = await replays.open({ channels: ["things"] });
    const queue = async (run: string, speed: Speed = "max"): Promise<string> => {
      const request = await replays.prepare(source, { namespace: "shadow", into: run, run, speed });
      await replays.queue(request);
      return `{shadow:0}:${run}`;
    };
    const cancelled = await queue("cancelled");
    assert.is(await replays.cancel("cancelled"), true);
    const slow = await queue("slow", 0.000_01);
    const reports: unknown[] = [];
    const work = async (isDone: () => boolean | Promise<boolean>): Promise<void> => {
      const stop = new AbortController();
      const worked = replays.work(stop.signal, (run, report) => reports.push([run, report]));
      await eventually(isDone).finally(() => stop.abort());
      await worked;
    };
    await work(async () => (await server.admin.xlen(slow)) === 1);
    assert.is((await replays.find("slow"))?.state, "stopped", "it was handed back");
    assert.is(await replays.cancel("slow"), true);
    const done = await queue("done");
    await work(async () => (await replays.find("done"))?.state === "done");
    assert.equal([await server.admin.xlen(done), await server.admin.exists(cancelled)], [5, 0]);
    assert.equal(await server.denied(), []);
    assert.equal(
      server.lines.filter(({ level }) => level === "error" || level === "warn"),
      [],
    );

    const client = server.client(url);
    await assertDenied(client, [
      ["HSET", `{${namespace}:0}:bull:retry-c:1`, "a", "b"],
      ["HSET", "{other-replays:0}:bull:replay:1", "a", "b"],
      ["EVAL", "return redis.call('HSET', KEYS[1], 'a', 'b')", "1", "{other-replays:0}:bull:replay:1"],
      ["XADD", `{${namespace}:0}:things`, "*", "payload", "{}"],
      ["DEL", `{${namespace}-replays:0}:replays`],
      ["KEYS", "*"],
    ]);
    const without = await server.user("foreground", ["replay"], { into: "shadow" });
    await assertDenied(server.client(without), [
      ["HSET", `{${namespace}-replays:0}:bull:replay:1`, "a", "b"],
      ["EVAL", "return redis.call('HGETALL', KEYS[1])", "1", `{${namespace}-replays:0}:bull:replay:1`],
      ["INFO"],
    ]);
    await using foreground = openReplays({ url: without, ...options });
    const request = await foreground.prepare(source, { namespace: "shadow", run: "refused", speed: "max" });
    await rejects(foreground.queue(request), StoreError, /run refused cannot be queued/);
    assert.is((await foreground.find("refused"))?.state, "failed");
  },
  { timeoutMs: 120_000 },
);
