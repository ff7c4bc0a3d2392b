/** Connections lose replies, are cut, killed and fall silent under load: each event has its effects once. */

import * as assert from "uvu/assert";
import { sliceScripts } from "../../src/redis/slices/scripts.ts";
import { scripts } from "../../src/redis/store/scripts.ts";
import { eventually } from "../support/eventually.ts";
import { fullOr } from "../support/full-length.ts";
import { startLoad } from "../support/load.ts";
import { type Command, named, startProxy } from "../support/proxy.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const rounds = fullOr(20, 4);

const commands: Readonly<Record<string, (command: Command) => boolean>> = {
  append: named("evalsha", scripts.append.sha),
  settle: named("evalsha", sliceScripts.settle.sha),
  acknowledge: named("evalsha", sliceScripts.acknowledge.sha),
  read: named("xread"),
  renew: named("evalsha", sliceScripts.renew.sha),
  beat: named("evalsha", sliceScripts.beat.sha),
};

for (const [name, matches] of Object.entries(commands)) {
  test(
    `has each effect once when the reply to "${name}" is lost, and when it never arrives`,
    async () => {
      await using proxy = await startProxy(redisUrl());
      // Nobody can wait for a takeover: what was lost is found by the owner itself.
      await using load = await startLoad({
        url: proxy.url,
        direct: redisUrl(),
        takeoverAfterMs: 120_000,
        order: "outputs",
      });
      for (let round = 0; round < rounds; round++) {
        await proxy.swallowReply(matches, 1 + (round % 3));
        await load.goOn(50);
        await proxy.cutBefore(matches, 1 + (round % 3));
        await load.goOn(50);
      }
      await load.finishClean();
    },
    { timeoutMs: fullOr(120_000, 40_000) },
  );
}

test(
  "makes progress and loses nothing while its clients are killed every 100 ms",
  async () => {
    await using load = await startLoad();
    const { client } = load.o;
    let killed = 0;
    const kill = async (): Promise<void> => {
      for (const line of String(await client.client("LIST")).split("\n")) {
        if (!/name=throughline:(publish|settle|read)/.test(line)) continue;
        killed += Number(await client.client("KILL", "ID", /^id=(\d+)/.exec(line)?.[1] ?? "0"));
      }
    };
    let failure: unknown;
    const killer = setInterval(() => void kill().catch((error) => (failure ??= error)), 100);
    try {
      for (let round = 0; round < rounds; round++) await load.goOn(200);
    } finally {
      clearInterval(killer);
    }
    assert.is(failure, undefined);
    assert.ok(killed > 10, `${killed} killed`);
    await load.finishClean();
  },
  { timeoutMs: fullOr(120_000, 40_000) },
);

test(
  "cuts connections that have fallen silent without a reset, and goes on",
  async () => {
    await using proxy = await startProxy(redisUrl());
    await using load = await startLoad({ url: proxy.url, direct: redisUrl(), order: "none" });
    for (const direction of fullOr([undefined, "toServer", "toClient"] as const, [undefined] as const)) {
      const before = proxy.connections;
      proxy.blackHole(direction);
      // No side resets a connection: each stays open until our side cuts it, and then everything reconnects.
      proxy.heal();
      await eventually(() => proxy.connections > before, 20_000);
      await load.goOn(200, 40_000);
    }
    await load.finishClean();
  },
  { timeoutMs: fullOr(180_000, 60_000) },
);

test("reloads its scripts when they are flushed again and again", async () => {
  await using load = await startLoad();
  let flushed = 0;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 5; i++) {
      await load.o.client.script("FLUSH");
      flushed++;
      await load.goOn(20);
    }
  }
  assert.ok(flushed >= 20);
  await load.finishClean();
});
