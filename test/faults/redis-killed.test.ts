/** Redis is killed, stopped or filled up under load, or its log is cut: acknowledged entries are there, and each effect once. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { on, PublishError } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { seededRandom } from "../../trading/domain/seeded-random.ts";
import { open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { fullOr } from "../support/full-length.ts";
import { source, startLoad } from "../support/load.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

test(
  "loses nothing acknowledged when Redis is killed and comes back with its log",
  async () => {
    await using redis = await startPrivateRedis();
    await using load = await startLoad({ url: redis.url });
    for (let round = 0; round < fullOr(10, 3); round++) {
      await redis.kill("SIGKILL");
      await redis.restart();
      await load.goOn(200);
    }
    await load.finishClean();
  },
  { timeoutMs: fullOr(240_000, 90_000) },
);

test(
  "waits for a Redis that stands still, and goes on without repeating",
  async () => {
    await using redis = await startPrivateRedis();
    await using load = await startLoad({ url: redis.url, publishTimeoutMs: fullOr(5_000, 30_000) });
    const begun = performance.now();
    await redis.kill("SIGSTOP");
    // Longer than the silence after which a connection is cut.
    await eventually(() => load.log.some(({ text }) => text.startsWith("Redis is away")), 15_000);
    await eventually(() => performance.now() - begun > fullOr(30_000, 0), 40_000);
    // No publish has waited for Redis longer than its limit.
    if (fullOr(true, false)) assert.ok(load.unknown + load.rejected > 0);
    await redis.kill("SIGCONT");
    await load.goOn(200);
    for (const pauseMs of [1_500, fullOr(30_000, 500)]) {
      await load.o.client.call("CLIENT", "PAUSE", `${pauseMs}`, "ALL");
      await load.goOn(200, 60_000);
    }
    await load.finishClean();
  },
  { timeoutMs: fullOr(180_000, 90_000) },
);

test(
  "refuses publishes and settlements with outputs clean while memory is full, and recovers",
  async () => {
    await using redis = await startPrivateRedis();
    await using load = await startLoad({ url: redis.url, order: "handling" });
    const { backbone, client, log, run, stream } = load.o;
    // A handler waits with its settlement until memory is full: the load itself may have nothing under way at that moment.
    const [held, copied] = [things("held", { retry: soon }), things("copied")];
    let gate = Promise.withResolvers<void>();
    const component = await run(
      backbone.component("holder", [
        on(held, async ({ payload }, { publish }) => {
          await gate.promise;
          await publish(copied, payload);
        }),
      ]),
    );
    for (let round = 0; round < fullOr(5, 1); round++) {
      gate = Promise.withResolvers();
      const { rejected } = load;
      const ref = await backbone.publish(held, { n: round });
      await eventually(async () => (await client.xpending(stream(held), "holder"))[0] === 1);
      await client.config("SET", "maxmemory", "1mb");
      gate.resolve();
      const isRefused = ({ text, fields }: (typeof log)[number]): boolean =>
        fields["component"] === "holder" && /refuses settlements/.test(text) && /OOM/.test(String(fields["reason"]));
      await eventually(() => load.rejected > rejected && log.filter(isRefused).length > 0, 15_000);
      assert.is(await client.xlen(stream(copied)), round);
      const error = await rejects(backbone.publish(source, { n: -1 }), PublishError, /OOM/);
      assert.is(error.outcome, "rejected");
      await client.config("SET", "maxmemory", "0");
      assert.is(await component.whenSettled(ref), "acked");
      assert.is(await client.xlen(stream(copied)), round + 1);
      await load.goOn(100);
    }
    await load.finishClean();
  },
  { timeoutMs: fullOr(120_000, 60_000) },
);

test("acknowledges entries without effects while memory is full", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  const finish = Promise.withResolvers<void>();
  const component = await o.run(o.backbone.component("c", [on(source, async () => await finish.promise)]));
  const refs = await Promise.all(Array.from({ length: 10 }, (_, n) => o.backbone.publish(source, { n })));
  await o.client.config("SET", "maxmemory", "1mb");
  finish.resolve();
  for (const ref of refs) assert.is(await component.whenSettled(ref), "acked");
  await o.client.config("SET", "maxmemory", "0");
});

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

test(
  `has never an acknowledgement without its output, wherever its log is cut (SEED=${seed})`,
  async () => {
    const random = seededRandom(`${seed}`);
    await using redis = await startPrivateRedis();
    const directory = join(redis.directory, "appendonlydir");
    for (let round = 0; round < fullOr(20, 4); round++) {
      await using load = await startLoad({ url: redis.url, publishTimeoutMs: 60_000 });
      await load.goOn(50);
      // Members that survive such a cut are tested with the failover: here nothing is under way.
      await load.atRest(async () => {
        await redis.kill("SIGKILL");
        const file = join(directory, (await readdir(directory)).find((name) => name.endsWith(".incr.aof")) ?? "");
        const whole = await readFile(file);
        await writeFile(file, whole.subarray(0, Math.floor(whole.length * random())));
        await redis.restart();
        await load.mayHaveLost();
      });
      await load.goOn(50);
      await load.finishClean();
    }
  },
  { timeoutMs: fullOr(240_000, 90_000) },
);
