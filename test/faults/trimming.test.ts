/** A component is slow, parks and fails while retention trims as much as it may: no unfinished entry is trimmed. */

import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { checkHistory } from "../checker/check.ts";
import { collectHistory } from "../checker/collect.ts";
import type { Fact } from "../checker/history.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { fullOr } from "../support/full-length.ts";
import { test } from "../support/test.ts";

test(
  "trims nothing that a slow component has not finished, and all that everybody has",
  async () => {
    await using o = await open({ maintenanceEveryMs: 100 });
    const retry = { backoffMs: 300, jitter: 0, maxAttempts: 5 };
    const input = things("input", { retry, retention: { maxEntries: 20 } });
    const [slowOut, fastOut] = [things("slow-out"), things("fast-out")];
    const count = fullOr(20_000, 2_000);
    const fast = await o.run(
      o.backbone.component("fast", [
        on(input, async ({ payload }, { publish }) => void (await publish(fastOut, payload))),
      ]),
    );
    const slow = await o.run(
      o.backbone.component(
        "slow",
        [
          on(input, async ({ payload }, { publish, attempt }) => {
            await new Promise((resolve) => setTimeout(resolve, 5)); // slower than it is published: that is what is tested
            if (payload.n % 50 === 0 && attempt < 3) throw new Error("parked twice");
            await publish(slowOut, payload);
          }),
        ],
        { concurrency: 16, maxInFlight: 50 },
      ),
    );
    const recorded: Fact[] = [
      { fact: "flow", component: "fast", from: "input", to: "fast-out" },
      { fact: "flow", component: "slow", from: "input", to: "slow-out" },
    ];
    let mostUnread = 0;
    for (let n = 0; n < count; n += 100) {
      const burst = Array.from({ length: 100 }, async (_, i) => {
        const id = `e${n + i}`;
        const { entryId } = await o.backbone.publish(input, { n: n + i, key: `k${i}` }, { eventId: id });
        return {
          fact: "publish",
          producer: "p",
          channel: "input",
          id,
          key: `k${i}`,
          outcome: "acked",
          entryId,
        } as const;
      });
      recorded.push(...(await Promise.all(burst)));
      mostUnread = Math.max(mostUnread, await o.client.xlen(o.stream(input)));
    }
    for (const component of [fast, slow]) await component.whenIdle();
    assert.ok(mostUnread > 200, `the slow component was never behind: ${mostUnread}`);
    // All entries are finished: those over the limit are trimmed.
    await eventually(async () => (await o.client.xlen(o.stream(input))) <= 20);
    const trimmed = Number(await o.client.hget(o.keys.trimmed(0), "input"));
    assert.is(trimmed, count - (await o.client.xlen(o.stream(input))));
    const facts = await collectHistory({ client: o.client, keys: o.keys, recorded, drained: true });
    assert.equal(checkHistory(facts), []);
    assert.equal(
      o.log.filter(({ text }) => /lost/.test(text)),
      [],
    );
  },
  { timeoutMs: fullOr(180_000, 40_000) },
);
