/** Members die, stop, come back and share the work; each entry is settled once all the same. */

import * as assert from "uvu/assert";
import { type Channel, type Component, on } from "../../src/index.ts";
import { assign } from "../../src/ownership/assignment.ts";
import type { MemberOptions } from "../fixtures/member.ts";
import { type Opened, open, soon, type Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { serversArgument } from "../support/redis.ts";
import { test } from "../support/test.ts";

const [source, out] = [things("source", { retry: soon }), things("out")];

function startMember(o: Opened, options: MemberOptions = {}): StartedProcess {
  return startProcess("test/fixtures/member.ts", [serversArgument(), o.backbone.namespace, JSON.stringify(options)]);
}

/** A member in this process. */
function member(o: Opened, takeoverAfterMs = 500): Component {
  return o.backbone.component(
    "copier",
    [on(source, async ({ payload }, { publish }) => void (await publish(out, payload)))],
    { takeoverAfterMs },
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

test("fences an owner that was stopped, lost its partition and goes on", async () => {
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
  await stops.line("has lost the partition");
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

test(
  "dead-letters an entry that kills its process again and again, and its neighbours survive",
  async () => {
    await using o = await open();
    await publishUpTo(o, 60);
    let deaths = 0;
    for (;;) {
      await using one = startMember(o, { dieOn: [30], takeoverAfterMs: 500 });
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
    assert.ok(deaths >= 5, `${deaths} deaths`); // twice among others, or more while those move on; three times alone
    const dead = await o.dead(source, "copier");
    assert.equal(
      dead.map((letter) => [letter["payload"], letter["dead-code"]]),
      [['{"n":30}', "THROUGHLINE_CRASH_LOOP"]],
    );
    await checkOutputs(o, 59);
  },
  { timeoutMs: 60_000 },
);

test("keeps an owner while its handler is slow, and hands nothing over that runs", async () => {
  await using o = await open();
  await publishUpTo(o, 1);
  await using slow = startMember(o, { holdOn: [0] });
  await slow.line("handling 0 ");
  const [owner = ""] = ((await o.client.hget(o.keys.owner(0, "copier"), "owner")) ?? "").split("/");
  // Names are drawn: one that should own the partition rather than the slow one.
  let other = member(o);
  while (assign([owner, other.member], 1)[0] !== other.member) other = member(o);
  await o.run(other);
  await eventually(async () => (await o.client.hget(o.keys.owner(0, "copier"), "wanted")) !== "", 40_000);
  const before = await o.client.hget(o.keys.owner(0, "copier"), "epoch");
  assert.is((await o.entries(out)).length, 0);
  slow.kill("SIGUSR2");
  await other.whenIdle();
  await checkOutputs(o, 1);
  assert.not(slow.lines.some((line) => line.includes("has lost the partition")));
  await eventually(async () => (await o.client.hget(o.keys.owner(0, "copier"), "epoch")) !== before, 40_000);
});

test(
  "members share the partitions, and each key keeps its order, whoever comes and goes",
  async () => {
    const partitions = 8;
    await using o = await open({ partitions });
    const runs = new Map<number, number>();
    const make = (): Component =>
      o.backbone.component(
        "sharer",
        [
          on(source, async ({ payload }, { publish }) => {
            runs.set(payload.n, (runs.get(payload.n) ?? 0) + 1);
            await new Promise(setImmediate);
            await publish(out, payload);
          }),
        ],
        { takeoverAfterMs: 500 },
      );
    const [first, second, third] = [make(), make(), make()];
    await o.run(first);
    assert.equal(first.owned.length, partitions);
    let n = 0;
    const isOn = { publishing: true };
    const publishing = (async () => {
      while (isOn.publishing) {
        await Promise.all(Array.from({ length: 20 }, () => o.backbone.publish(source, { n: n++, key: `k${n % 30}` })));
        await new Promise((resolve) => setTimeout(resolve, 5)); // a producer's pace: without it this would be a test of throughput
      }
    })();
    await o.run(second);
    await o.run(third);
    const shares = (): number[] => [first, second, third].map(({ owned }) => owned.length).sort();
    await eventually(() => JSON.stringify(shares()) === "[2,3,3]", 15_000);
    const all = [...first.owned, ...second.owned, ...third.owned].sort();
    assert.equal(all, [0, 1, 2, 3, 4, 5, 6, 7]);
    await third.drain();
    await eventually(() => first.owned.length === 4 && second.owned.length === 4, 15_000);
    isOn.publishing = false;
    await publishing;
    await first.whenIdle();
    assert.equal(
      [...runs].filter(([, count]) => count !== 1),
      [],
    );
    const last = new Map<string, number>();
    let count = 0;
    for await (const { payload } of o.backbone.read(out)) {
      const { n: number = -1, key = "" } = payload ?? {};
      assert.ok(number > (last.get(key) ?? -1), `${number} came after ${last.get(key)} of ${key}`);
      last.set(key, number);
      count++;
    }
    assert.is(count, n);
  },
  { timeoutMs: 60_000 },
);

test("an owner's row that is deleted is made again, and one that is edited has one owner in the end", async () => {
  await using o = await open();
  const component = await o.run(member(o));
  await publishUpTo(o, 5);
  await component.whenIdle();
  await o.client.del(o.keys.owner(0, "copier"));
  await publishUpTo(o, 5, 5);
  await component.whenIdle();
  await checkOutputs(o, 10);
  assert.ok(o.log.some(({ level, text }) => level === "error" && text.includes("it goes on where the group stands")));
  assert.not(o.log.some(({ text }) => text.includes("group was gone")));
  await o.client.hset(o.keys.owner(0, "copier"), "owner", "somebody/else");
  await publishUpTo(o, 5, 10);
  await component.whenIdle();
  await checkOutputs(o, 15);
  assert.ok(o.log.some(({ text }) => text === "has lost the partition"));
  assert.match((await o.client.hget(o.keys.owner(0, "copier"), "owner")) ?? "", component.member);
});

test("a row of another type is refused, and said; once it is gone the component goes on", async () => {
  await using o = await open();
  const component = await o.run(member(o));
  await publishUpTo(o, 5);
  await component.whenIdle();
  await o.client.set(o.keys.owner(0, "copier"), "a string");
  await publishUpTo(o, 5, 5);
  await eventually(() => component.health.reason?.includes("WRONGTYPE"));
  assert.ok(o.log.some(({ level, fields }) => level === "error" && String(fields["reason"]).includes("WRONGTYPE")));
  assert.is((await o.entries(out)).length, 5);
  await o.client.del(o.keys.owner(0, "copier"));
  await component.whenIdle();
  await checkOutputs(o, 10);
});

test("somebody who reads or acknowledges in the group is told by name, and nothing is lost by it", async () => {
  await using o = await open();
  const parking = things("parking", { retry: { backoffMs: 3_000, jitter: 0 } });
  const component = await o.run(
    o.backbone.component("copier", [
      on(source, async ({ payload }, { publish }) => void (await publish(out, payload))),
      on(parking, async ({ payload }, { publish, attempt }) => {
        if (attempt === 1) throw new Error("later");
        await publish(out, payload);
      }),
    ]),
  );
  const parked = await o.backbone.publish(parking, { n: 0 });
  await eventually(async () => (await o.client.xpending(o.stream(parking), "copier"))[0] === 1);
  await o.client.xack(o.stream(parking), "copier", parked.entryId);
  await o.client.xgroup("CREATECONSUMER", o.stream(source), "copier", "bob");
  const theirs = Array.from({ length: 50 }, async () =>
    o.client.xreadgroup("GROUP", "copier", "bob", "COUNT", 3, "STREAMS", o.stream(source), ">"),
  );
  await publishUpTo(o, 100, 1);
  await Promise.all(theirs);
  const said = (text: string) => () => o.log.some((line) => line.level === "error" && line.text.includes(text));
  await eventually(said("somebody else has acknowledged"));
  await eventually(() => o.log.some(({ fields }) => fields["consumer"] === "bob"));
  await component.whenIdle();
  await checkOutputs(o, 101);
  await eventually(async () => {
    const consumers = (await o.client.xinfo("CONSUMERS", o.stream(source), "copier")) as unknown[][];
    return !consumers.some((consumer) => consumer.includes("bob"));
  });
});

test("entries that somebody removes before they are read are counted as lost, and said", async () => {
  await using o = await open();
  const component = o.backbone.component("copier", [
    on(source, async ({ payload }, { publish }) => void (await publish(out, payload))),
  ]);
  const run = component.run();
  await component.ready();
  await publishUpTo(o, 5);
  await component.whenIdle();
  await eventually(async () => (await o.client.hget(o.keys.owner(0, "copier"), "counts:source")) !== null);
  await component.drain();
  await run;
  await publishUpTo(o, 10, 5);
  const entries = await o.entries(source);
  await o.client.xdel(o.stream(source), ...entries.slice(6, 9).map(({ id }) => id));
  const next = await o.run(member(o));
  await next.whenIdle();
  assert.is((await o.entries(out)).length, 12);
  await eventually(() => o.log.some(({ fields, text }) => text.includes("removed") && fields["count"] === 3));
});

test(
  "loses nothing and repeats nothing while members are killed all the time",
  async () => {
    await using o = await open();
    const total = 800;
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
    const members = [lives({ turns: 3, concurrency: 4 }), lives({ turns: 2, concurrency: 8, takeoverAfterMs: 500 })];
    await publishUpTo(o, total);
    await eventually(async () => Number(await o.client.xlen(o.stream(out))) >= total - 200, 70_000);
    killing.on = false;
    await Promise.all(members);
    const last = await o.run(member(o));
    await last.whenIdle();
    assert.equal(await o.dead(source, "copier"), []);
    const numbers = (await o.entries(out)).map(({ payload }) => payload.n);
    assert.equal({ found: numbers.length, unique: new Set(numbers).size }, { found: total, unique: total });
  },
  { timeoutMs: 120_000 },
);
