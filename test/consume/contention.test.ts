/** Members that write the same keys of state: who is always overtaken leaves its deliveries to the others, and stands aside. */

import * as assert from "uvu/assert";
import { type Component, on } from "../../src/index.ts";
import { captureSpans } from "../../src/testing.ts";
import { type Opened, open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

/** As a member does that is always quicker: the key's version is another one. Its value stays, so that it can be counted on. */
async function overtake(o: Opened): Promise<void> {
  const script = `
    local value = string.match(redis.call('HGET', KEYS[1], 'k') or 'none 0', ' (.*)$')
    redis.call('HSET', KEYS[1], 'k', ARGV[1] .. ' ' .. value)`;
  await o.client.eval(script, 1, o.keys.state(0, "c", "counts"), `elsewhere.${overtakes++}`);
}

let overtakes = 0;

async function pending(o: Opened): Promise<unknown> {
  return (await o.client.xpending(o.stream(things("things")), "c"))[0];
}

test("leaves what conflicts again and again to a member that gets through with it", async () => {
  await using o = await open();
  const [channel, out] = [things("things"), things("out")];
  const runs = new Map<number, number>();
  const member = (isOvertaken: boolean): Component =>
    o.backbone.component(
      "c",
      [
        on(channel, async ({ payload }, { state, publish }) => {
          const counts = state<number>("counts");
          const before = (await counts.get("k")) ?? 0;
          if (isOvertaken) {
            runs.set(payload.n, (runs.get(payload.n) ?? 0) + 1);
            await overtake(o);
          }
          counts.set("k", before + 1);
          await publish(out, payload);
        }),
      ],
      { claimAfterMs: 400 },
    );
  await o.run(member(true));
  await Promise.all(Array.from({ length: 10 }, (_, n) => o.backbone.publish(channel, { n, key: `${n}` })));
  await eventually(() => runs.size === 10);
  const winner = await o.run(member(false));
  await winner.whenIdle();
  const handled = (await o.entries(out)).map(({ payload }) => payload.n);
  assert.equal(
    handled.sort((a, b) => a - b),
    Array.from({ length: 10 }, (_, n) => n),
  );
  assert.is(await o.backbone.view("c", "counts").get("k"), 10);
});

test("does not count an attempt that is left to another member", async () => {
  await using o = await open();
  const channel = things("things", { retry: soon });
  const attempts: Record<"loser" | "winner", number[]> = { loser: [], winner: [] };
  const member = (name: "loser" | "winner"): Component =>
    o.backbone.component(
      "c",
      [
        on(channel, async (_, { state, attempt }) => {
          if (attempt === 1) throw new Error("once");
          attempts[name].push(attempt);
          const counts = state<number>("counts");
          const before = (await counts.get("k")) ?? 0;
          if (name === "loser") await overtake(o);
          counts.set("k", before + 1);
        }),
      ],
      { claimAfterMs: 400 },
    );
  await o.run(member("loser"));
  await o.backbone.publish(channel, { n: 0, key: "k" });
  await eventually(() => attempts.loser.length > 0);
  const winner = await o.run(member("winner"));
  await winner.whenIdle();
  assert.equal(new Set(attempts.winner), new Set([2]));
  assert.equal(new Set(attempts.loser), new Set([2]));
});

test("goes on with what nobody else takes", async () => {
  await using o = await open();
  const channel = things("things");
  let left = 8;
  const component = await o.run(
    o.backbone.component(
      "c",
      [
        on(channel, async (_, { state }) => {
          const counts = state<number>("counts");
          const before = (await counts.get("k")) ?? 0;
          if (left-- > 0) await overtake(o);
          counts.set("k", before + 1);
        }),
      ],
      { claimAfterMs: 400 },
    ),
  );
  await component.whenSettled(await o.backbone.publish(channel, { n: 0, key: "k" }));
  assert.ok(left < 0);
  assert.is(await o.backbone.view("c", "counts").get("k"), 1);
});

test("does not count an attempt that waits to run again when its member drains", async () => {
  using spans = captureSpans();
  await using o = await open();
  const channel = things("things", { retry: soon });
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const component = o.backbone.component(
    "c",
    [
      on(channel, async ({ payload }, { state, attempt }) => {
        if (payload.n === 1) {
          started.resolve();
          await gate.promise;
          return;
        }
        if (attempt === 1) throw new Error("once");
        const counts = state<number>("counts");
        counts.set("k", ((await counts.get("k")) ?? 0) + 1);
        // The other one is next in line when this one's settlement conflicts.
        await o.backbone.publish(channel, { n: 1 });
        await eventually(async () => (await pending(o)) === 2);
        await overtake(o);
      }),
    ],
    { concurrency: 1 },
  );
  const run = component.run();
  await component.ready();
  const { entryId } = await o.backbone.publish(channel, { n: 0 });
  await started.promise;
  // It waits behind the other one from then on.
  await eventually(() => spans.all().some(({ attributes }) => attributes["throughline.outcome"] === "conflict"));
  const draining = component.drain();
  const recorded = async (): Promise<string> => String(await o.client.hget(o.keys.attempts(0, "things", "c"), entryId));
  await eventually(async () => (await recorded()).startsWith("1:0:"));
  gate.resolve();
  await draining;
  await run;
  assert.match(await recorded(), /^1:0:/);
});
