/** The clock of Redis goes an hour back and forth under load: ids rise, retries come in time, and no live member is taken for dead. */

import { setTimeout as delay } from "node:timers/promises";
import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startLoad } from "../support/load.ts";
import { startProcess } from "../support/process.ts";
import { test } from "../support/test.ts";
import { startWarpedRedis } from "../support/warped-redis.ts";

const hour = 3_600;

test(
  "goes on with rising ids, retries in time, and takes nobody for dead when the clock goes an hour back and forth",
  async () => {
    await using warped = await startWarpedRedis();
    await using load = await startLoad({ url: warped.redis.url });
    const { client, backbone, stream } = load.o;
    const offset = async (): Promise<number> => Number((await client.time())[0]) - Date.now() / 1_000;
    const flaky = things("flaky", { retry: { backoffMs: 1_000, jitter: 0, maxBackoffMs: 1_000 } });
    const done = new Set<number>();
    const component = await load.o.run(
      backbone.component("flaky", [
        on(flaky, ({ payload }, { attempt }) => {
          if (attempt === 1) throw new Error("not at the first attempt");
          done.add(payload.n);
        }),
      ]),
    );
    // One owns the partition and holds entries at every moment; the others could take it.
    const slow = things("slow");
    const gate = Promise.withResolvers<void>();
    let held = 0;
    const holders = await Promise.all(
      [1, 2, 3, 4].map(() =>
        load.o.run(
          backbone.component(
            "slow",
            [
              on(slow, () => {
                held++;
                return gate.promise;
              }),
            ],
            {
              takeoverAfterMs: 1_000,
              concurrency: 5,
            },
          ),
        ),
      ),
    );
    for (let n = 0; n < 10; n++) await backbone.publish(slow, { n });
    await eventually(() => held === 5);
    let next = 0;
    /** Resolves when ten events wait for their second attempt. */
    const park = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) await backbone.publish(flaky, { n: next++ });
      await eventually(async () => (await client.zcard(load.o.keys.parked(0, "flaky", "flaky"))) === 10);
    };

    for (const seconds of [-hour, 0]) {
      await park();
      const [newest] = await client.xrevrange(stream(flaky), "+", "-", "COUNT", 1);
      await warped.shift(seconds);
      await eventually(async () => Math.abs((await offset()) - seconds) < 60);
      const ref = await backbone.publish(flaky, { n: next++ });
      assert.ok(ref.entryId > (newest?.[0] ?? ""), `${ref.entryId} after ${newest?.[0]}`);
      await load.goOn(200);
      await eventually(() => done.size === next, 10_000);
      await park();
      await eventually(() => done.size === next, 10_000);
      await component.whenIdle();
    }
    assert.equal(
      load.log.filter(({ text, fields }) => /took over/.test(text) || /another member/.test(String(fields["reason"]))),
      [],
    );

    gate.resolve();
    for (const holder of holders) await holder.whenIdle();

    // An owner that dies while the clock is an hour behind its last sign of life is still noticed.
    const [other] = load.components.filter(({ name }) => name === "first");
    await other?.drain(); // so that one is left, and every second one that comes should own the partition
    for (let hasDied = false; !hasDied; ) {
      await using dies = startProcess("test/fixtures/load-member.ts", [warped.redis.url, backbone.namespace, "30"]);
      await dies.line("ready");
      await warped.shift(-hour);
      // A member that owns nothing does not die, and nothing happens that tells it: it is given a while.
      hasDied = await Promise.race([dies.ended.then(() => true), delay(5_000, false)]);
      if (!hasDied) await warped.shift(0);
    }
    await eventually(
      () => load.log.some(({ text }) => text === "took over from an owner that had fallen silent"),
      10_000,
    );
    await load.goOn(100);
    await load.finishClean();
  },
  { timeoutMs: 120_000 },
);
