/** Members are killed at each step of a delivery, stopped, and replaced under load: each event has its effects once. */

import * as assert from "uvu/assert";
import { sliceScripts } from "../../src/redis/slices/scripts.ts";
import { eventually } from "../support/eventually.ts";
import { fullOr } from "../support/full-length.ts";
import { type Load, startLoad } from "../support/load.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { named, startProxy, type Proxy as TcpProxy } from "../support/proxy.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const rounds = fullOr(5, 1);
/** Enough for three members to have one each. */
const partitions = 4;

function startMember(load: Load, url: string, dieIn = 0): StartedProcess {
  return startProcess("test/fixtures/load-member.ts", [url, load.o.backbone.namespace, `${dieIn}`]);
}

/** Resolves when the process reaches the step at which it shall die. The caller kills it, or it kills itself. */
type Until = (proxy: TcpProxy, member: StartedProcess) => Promise<unknown>;

const settles = named("evalsha", sliceScripts.settle.sha);

const places: Readonly<Record<string, { readonly dieIn?: number; readonly until: Until }>> = {
  // The member has asked for entries, and the reply has not reached it.
  "before the handler": { until: (proxy) => proxy.swallowReply(named("xread"), 4) },
  "in the handler": { dieIn: 40, until: (_, member) => member.ended },
  "after the handler, before it settles": { until: (proxy) => proxy.cutBefore(settles, 3) },
  "between a settlement and its reply": { until: (proxy) => proxy.swallowReply(settles, 3) },
};

for (const [name, { dieIn, until }] of Object.entries(places)) {
  test(
    `settles each event once when a member is killed ${name}`,
    async () => {
      await using load = await startLoad({ partitions });
      for (let round = 0; round < rounds; round++) {
        await using proxy = await startProxy(redisUrl());
        const trapped = Promise.withResolvers<unknown>();
        await using member = startMember(load, proxy.url, dieIn === undefined ? 0 : dieIn + round);
        until(proxy, member).then(trapped.resolve, trapped.reject);
        await trapped.promise;
        member.kill("SIGKILL");
        assert.equal(await member.ended, { code: null, signal: "SIGKILL" });
        await load.goOn(100);
      }
      await load.finishClean();
      assert.ok(
        load.log.some(({ text }) => text === "took over from an owner that had fallen silent"),
        "the dead member owned nothing",
      );
    },
    { timeoutMs: fullOr(120_000, 40_000) },
  );
}

/** Whether the member owns any partition of "first". */
async function ownsOne({ o }: Load, member: string): Promise<boolean> {
  const rows = Array.from({ length: partitions }, (_, partition) =>
    o.client.hget(o.keys.owner(partition, "first"), "owner"),
  );
  return (await Promise.all(rows)).some((owner) => owner?.startsWith(`${member}/`));
}

test(
  "fences an owner that was stopped for longer than it may be silent and goes on",
  async () => {
    await using load = await startLoad({ partitions });
    await using proxy = await startProxy(redisUrl());
    for (let round = 0; round < rounds; round++) {
      await using member = startMember(load, proxy.url);
      const name = (await member.line("ready")).split(" ")[1] ?? "";
      await eventually(() => ownsOne(load, name), 20_000);
      // It has handled an event, and its settlement is delayed on the way when it is stopped.
      proxy.delay("toServer", 200);
      await load.goOn(50);
      member.kill("SIGSTOP");
      await eventually(async () => !(await ownsOne(load, name)), 20_000);
      proxy.heal();
      member.kill("SIGCONT");
      await member.line("has lost the partition");
      await load.goOn(100);
      member.end();
      assert.equal(await member.ended, { code: 0, signal: null }, member.lines.slice(-5).join("\n"));
    }
    await load.finishClean();
  },
  { timeoutMs: fullOr(120_000, 60_000) },
);

test(
  "drains members that are replaced one after the other, and hands on what they had",
  async () => {
    await using load = await startLoad();
    let member = startMember(load, redisUrl());
    await member.line("ready");
    for (let round = 0; round < 2 * rounds; round++) {
      await load.goOn(50);
      const next = startMember(load, redisUrl());
      await next.line("ready");
      await load.goOn(50);
      const begun = performance.now();
      member.kill("SIGTERM");
      assert.equal(await member.ended, { code: 0, signal: null }, member.lines.slice(-5).join("\n"));
      assert.ok(performance.now() - begun < 8_000, `it took ${performance.now() - begun} ms`);
      member = next;
    }
    member.kill("SIGTERM");
    assert.equal(await member.ended, { code: 0, signal: null }, member.lines.slice(-5).join("\n"));
    await load.finishClean();
  },
  { timeoutMs: fullOr(120_000, 40_000) },
);
