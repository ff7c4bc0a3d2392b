/** What a killed owner had is settled by another one soon after it may take it for dead. */

import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import type { MemberOptions } from "../fixtures/member.ts";
import { open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { serversArgument } from "../support/redis.ts";
import { test } from "../support/test.ts";

const total = 3_000;
const takeoverAfterMs = 2_000;
/** What may pass beyond the silence on a machine with a core to itself. */
const allowedMs = 500;

test(
  `settles what a killed owner had within takeoverAfterMs + ${allowedMs} ms`,
  async () => {
    await using o = await open();
    const [source, out] = [things("source", { retry: soon }), things("out")];
    await Promise.all(Array.from({ length: total }, (_, n) => o.backbone.publish(source, { n })));
    const options: MemberOptions = { takeoverAfterMs, hangOn: Array.from({ length: total }, (_, n) => n) };
    await using victim = startProcess("test/fixtures/member.ts", [
      serversArgument(),
      o.backbone.namespace,
      JSON.stringify(options),
    ]);
    await victim.line("handling 15 ");
    await o.run(
      o.backbone.component(
        "copier",
        [on(source, async ({ payload }, { publish }) => void (await publish(out, payload)))],
        { takeoverAfterMs },
      ),
    );
    assert.is(await o.client.xlen(o.stream(out)), 0);
    victim.kill("SIGKILL");
    const killedAt = performance.now();
    await eventually(async () => (await o.client.xlen(o.stream(out))) >= total, 30_000);
    const ms = performance.now() - killedAt;
    console.log(`settled ${total} entries of a killed owner ${Math.round(ms)} ms after the kill`);
    const numbers = (await o.entries(out)).map(({ payload }) => payload.n);
    assert.equal([numbers.length, new Set(numbers).size], [total, total]);
    // Four times as much for a machine that is busy.
    assert.ok(ms < takeoverAfterMs + 4 * allowedMs, `${Math.round(ms)} ms`);
  },
  { timeoutMs: 90_000 },
);
