/** What killed members held is settled by another soon after it may take them for dead. */

import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import type { MemberOptions } from "../fixtures/member.ts";
import { open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const victims = 3;
const each = 1_000;
/** Of the one that is left, so that it has to take its hands full many times over. */
const maxInHand = 200;
const total = victims * each;
const claimAfterMs = 2_000;
/** What may pass beyond the silence on a machine with a core to itself. */
const allowedMs = 1_000;

test(
  `settles what ${victims} killed members held within claimAfterMs + ${allowedMs} ms`,
  async () => {
    await using o = await open();
    const [source, out] = [things("source", { retry: soon }), things("out")];
    await Promise.all(Array.from({ length: total }, (_, n) => o.backbone.publish(source, { n })));
    const options: MemberOptions = { claimAfterMs, hangOn: Array.from({ length: total }, (_, n) => n) };
    const args = [redisUrl(), o.backbone.namespace, JSON.stringify(options)];
    await using members = new AsyncDisposableStack();
    const started = Array.from({ length: victims }, () => members.use(startProcess("test/fixtures/member.ts", args)));
    await eventually(async () => (await o.client.xpending(o.stream(source), "copier"))[0] === total, 30_000);
    await o.run(
      o.backbone.component(
        "copier",
        [on(source, async ({ payload }, { publish }) => void (await publish(out, payload)))],
        { claimAfterMs, maxInHand },
      ),
    );
    for (const victim of started) victim.kill("SIGKILL");
    const killedAt = performance.now();
    await eventually(async () => (await o.client.xlen(o.stream(out))) >= total, 30_000);
    const ms = performance.now() - killedAt;
    console.log(`settled ${total} entries of ${victims} killed members ${Math.round(ms)} ms after the kill`);
    const numbers = (await o.entries(out)).map(({ payload }) => payload.n);
    assert.equal([numbers.length, new Set(numbers).size], [total, total]);
    // Four times as much for a machine that is busy; without going on when there is room it takes eight times as much.
    assert.ok(ms < claimAfterMs + 4 * allowedMs, `${Math.round(ms)} ms`);
  },
  { timeoutMs: 90_000 },
);
