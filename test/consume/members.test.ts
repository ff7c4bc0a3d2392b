/** Members die, stop and come back; each entry is settled once all the same. */

import * as assert from "uvu/assert";
import { type Channel, type Component, on } from "../../src/index.ts";
import type { MemberOptions } from "../fixtures/member.ts";
import { type Opened, open, soon, type Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const [source, out] = [things("source", { retry: soon }), things("out")];

function startMember(o: Opened, options: MemberOptions = {}): StartedProcess {
  return startProcess("test/fixtures/member.ts", [redisUrl(), o.backbone.namespace, JSON.stringify(options)]);
}

/** A member in this process. */
function member(o: Opened, claimAfterMs = 300): Component {
  return o.backbone.component(
    "copier",
    [on(source, async ({ payload }, { publish }) => void (await publish(out, payload)))],
    { claimAfterMs },
  );
}

async function publishUpTo(o: Opened, count: number, first = 0): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) => o.backbone.publish(source, { n: first + n })));
}

/** Every number once, and nothing else. */
async function checkOutputs(o: Opened, count: number, channel: Channel<Thing> = out): Promise<void> {
  const found = (await o.entries(channel)).map(({ payload }) => payload.n).sort((a, b) => a - b);
  const unique = [...new Set(found)];
  assert.equal({ found: found.length, unique: unique.length }, { found: count, unique: count });
}

test("takes over what a killed member held, and the outputs are there once", async () => {
  await using o = await open();
  await publishUpTo(o, 200);
  await using dies = startMember(o, { hangOn: [50, 51], concurrency: 4 });
  await dies.line("handling 51 ");
  dies.kill("SIGKILL");
  await dies.ended;
  const takes = await o.run(member(o));
  await takes.whenIdle();
  await checkOutputs(o, 200);
  assert.is(await o.client.exists(o.keys.attempts(0, "source", "copier")), 0);
});

test("fences a member that was stopped, robbed and goes on", async () => {
  await using o = await open();
  await publishUpTo(o, 20);
  await using stops = startMember(o, { holdOn: [0], concurrency: 1 });
  await stops.line("handling 0 ");
  stops.kill("SIGSTOP");
  const takes = await o.run(member(o));
  await takes.whenIdle();
  await checkOutputs(o, 20);
  stops.kill("SIGUSR2");
  stops.kill("SIGCONT");
  await stops.line("fenced");
  await publishUpTo(o, 50, 20);
  await takes.whenIdle();
  await checkOutputs(o, 70);
  assert.is(await o.backbone.view("copier", "counts").get("all"), await countOf(o));
});

/** How many of the outputs were settled by members that count. */
async function countOf(o: Opened): Promise<number | undefined> {
  const text = await o.client.hget(o.keys.state(0, "copier", "counts"), "all");
  return text === null ? undefined : Number(text.slice(text.indexOf(" ") + 1));
}

test("voids the old delivery when the entry comes back to the same member", async () => {
  await using o = await open();
  await publishUpTo(o, 1);
  await using stops = startMember(o, { holdOn: [0], concurrency: 2 });
  const name = (await stops.line("ready")).split(" ")[1] ?? "";
  await stops.line("handling 0 attempt 1");
  // As another member would that took it over and handed it back.
  const [entry] = await o.entries(source);
  const id = entry?.id ?? "";
  await o.client
    .multi()
    .sadd(o.keys.robbed(0, "copier", name), `${o.stream(source)}/${id}`)
    .hset(o.keys.attempts(0, "source", "copier"), id, "1:1:0")
    .xclaim(o.stream(source), "copier", "released", 0, id, "JUSTID")
    .exec();
  await stops.line("handling 0 attempt 2");
  stops.kill("SIGUSR2");
  await stops.line("fenced");
  await eventually(async () => (await o.client.xpending(o.stream(source), "copier"))[0] === 0);
  await checkOutputs(o, 1);
});

test(
  "dead-letters an entry that kills its process three times by itself, and its neighbours survive",
  async () => {
    await using o = await open();
    await publishUpTo(o, 60);
    let deaths = 0;
    for (;;) {
      await using one = startMember(o, { dieOn: [30], claimAfterMs: 200 });
      await one.line("ready");
      let dead = false;
      void one.ended.then(() => {
        dead = true;
      });
      await eventually(
        async () => dead || (await o.entries(out)).length + (await o.dead(source, "copier")).length >= 60,
        30_000,
      );
      if (!dead) break;
      deaths++;
    }
    assert.is(deaths, 5); // twice among others, three times alone
    const dead = await o.dead(source, "copier");
    assert.equal(
      dead.map((letter) => [letter["payload"], letter["dead-code"]]),
      [['{"n":30}', "THROUGHLINE_CRASH_LOOP"]],
    );
    await checkOutputs(o, 59);
  },
  { timeoutMs: 60_000 },
);

test("handles again what is left of a batch of which one delivery was taken away", async () => {
  await using o = await open();
  const finish = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  let calls = 0;
  const component = await o.run(
    o.backbone.component(
      "copier",
      [
        on(source, { batch: { maxSize: 10, maxWaitMs: 50 } }, async (events, { publish }) => {
          calls++;
          started.resolve();
          if (calls === 1) await finish.promise;
          for (const event of events) await publish(out, event.payload);
        }),
      ],
      { claimAfterMs: 60_000 },
    ),
  );
  await publishUpTo(o, 10);
  await started.promise;
  const [robbed] = await o.entries(source);
  const id = robbed?.id ?? "";
  await o.client
    .multi()
    .sadd(o.keys.robbed(0, "copier", component.member), `${o.stream(source)}/${id}`)
    .xclaim(o.stream(source), "copier", "another", 0, id)
    .xack(o.stream(source), "copier", id)
    .exec();
  finish.resolve();
  await component.whenIdle();
  await checkOutputs(o, 9);
});

test("keeps a slow handler's delivery while its member lives", async () => {
  await using o = await open();
  await publishUpTo(o, 1);
  await using slow = startMember(o, { holdOn: [0], claimAfterMs: 200 });
  await slow.line("handling 0 ");
  const other = await o.run(member(o, 200));
  const since = Date.now();
  // Eight times the silence after which it would be taken for dead.
  await eventually(async () => {
    const score = Number(await o.client.zscore(o.keys.members(0, "copier"), other.member));
    return score - since > 1_600;
  });
  assert.is((await o.entries(out)).length, 0);
  slow.kill("SIGUSR2");
  await other.whenIdle();
  await checkOutputs(o, 1);
  assert.not(slow.lines.some((line) => line.includes("fenced")));
});

test("joins again under another name when it was taken for dead and removed", async () => {
  await using o = await open();
  const component = await o.run(member(o, 200));
  const before = component.member;
  await publishUpTo(o, 5);
  await component.whenIdle();
  await o.client.zrem(o.keys.members(0, "copier"), before);
  await eventually(() => component.member !== before);
  await publishUpTo(o, 5, 5);
  await component.whenIdle();
  await checkOutputs(o, 10);
});

test("takes over from a consumer that is no member", async () => {
  await using o = await open();
  await publishUpTo(o, 10);
  await o.client.xgroup("CREATE", o.stream(source), "copier", "0");
  await o.client.xreadgroup("GROUP", "copier", "stranger", "COUNT", 10, "STREAMS", o.stream(source), ">");
  const component = await o.run(member(o, 200));
  await component.whenIdle();
  await checkOutputs(o, 10);
});

test("removes dead members that hold nothing, and forgets what was taken from them", async () => {
  await using o = await open();
  await publishUpTo(o, 5);
  await using dies = startMember(o, { hangOn: [0, 1, 2, 3, 4] });
  const name = (await dies.line("ready")).split(" ")[1] ?? "";
  await dies.line("handling 4 ");
  dies.kill("SIGKILL");
  const component = await o.run(member(o, 150));
  await component.whenIdle();
  assert.is(await o.client.scard(o.keys.robbed(0, "copier", name)), 5);
  await eventually(async () => (await o.client.zscore(o.keys.members(0, "copier"), name)) === null);
  assert.is(await o.client.exists(o.keys.robbed(0, "copier", name)), 0);
  const consumers = (await o.client.xinfo("CONSUMERS", o.stream(source), "copier")) as unknown[][];
  assert.not(consumers.some((consumer) => consumer.includes(name)));
  await checkOutputs(o, 5);
});

test(
  "loses nothing and repeats nothing while members are killed all the time",
  async () => {
    await using o = await open();
    const total = 1_500;
    const killing = { on: true };
    const lives = async (options: MemberOptions): Promise<void> => {
      while (killing.on) {
        await using one = startMember(o, options);
        await one.line("ready");
        // Some way into its work, never at the same place.
        const settled = (await o.entries(out)).length;
        const goal = settled + 30 + Math.floor(Math.random() * 90);
        await eventually(async () => !killing.on || Number(await o.client.xlen(o.stream(out))) >= goal, 20_000);
        one.kill(Math.random() < 0.7 ? "SIGKILL" : "SIGTERM");
        await one.ended;
      }
    };
    const members = [lives({ turns: 3, concurrency: 4 }), lives({ turns: 2, concurrency: 8, claimAfterMs: 200 })];
    await publishUpTo(o, total);
    await eventually(async () => Number(await o.client.xlen(o.stream(out))) >= total - 300, 50_000);
    killing.on = false;
    await Promise.all(members);
    const last = await o.run(member(o));
    await last.whenIdle();
    assert.equal(await o.dead(source, "copier"), []);
    const numbers = (await o.entries(out)).map(({ payload }) => payload.n);
    assert.equal({ found: numbers.length, unique: new Set(numbers).size }, { found: total, unique: total });
  },
  { timeoutMs: 90_000 },
);
