/** Losses are reported, and a group that is gone is made again at its position. */

import * as assert from "uvu/assert";
import { type Component, on } from "../../src/index.ts";
import { renderStatus } from "../../src/inspect/status/status-text.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { type Opened, open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

const source = things("source");
const out = things("out");

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

async function publish(o: Opened, numbers: readonly number[]): Promise<void> {
  await Promise.all(numbers.map((n) => o.backbone.publish(source, { n })));
}

/** Copies every event; holds those that `isHeld` says until `release`. */
function copier(
  o: Opened,
  options: { isHeld?: (n: number) => boolean; concurrency?: number; maxInHand?: number; claimAfterMs?: number } = {},
): {
  component: Component;
  release: () => void;
  started: number[];
} {
  const gate = Promise.withResolvers<void>();
  const started: number[] = [];
  const { isHeld = () => false, concurrency = 16, maxInHand = 20, claimAfterMs = 400 } = options;
  const component = o.backbone.component(
    "copier",
    [
      on(source, { retry: soon }, async ({ payload }, { publish }) => {
        started.push(payload.n);
        if (isHeld(payload.n)) await gate.promise;
        await publish(out, payload);
      }),
    ],
    { concurrency, maxInHand, claimAfterMs },
  );
  return { component, release: gate.resolve, started };
}

async function copied(o: Opened): Promise<readonly number[]> {
  return (await o.entries(out)).map(({ payload }) => payload.n).sort((a, b) => a - b);
}

const said = (o: Opened, text: string) => o.log.filter((line) => line.text.includes(text));

function saved(o: Opened): Promise<string | null> {
  return o.client.hget(o.keys.positions(0, "copier"), "source");
}

test("counts entries that were trimmed before an absent component read them", async () => {
  await using o = await open();
  const first = copier(o);
  await o.run(first.component);
  await publish(o, upTo(10));
  await first.component.whenIdle();
  await first.component.drain();
  await publish(o, upTo(30));
  await o.client.xtrim(o.stream(source), "MAXLEN", 5);
  const second = copier(o);
  await o.run(second.component);
  await second.component.whenIdle();
  const [lost] = await eventually(() => (said(o, "they are lost").length > 0 ? said(o, "they are lost") : undefined));
  assert.equal([lost?.level, lost?.fields["channel"], lost?.fields["count"]], ["error", "source", 25]);
  assert.is((await copied(o)).length, 15);
  const status = await o.backbone.status();
  assert.is(status.components[0]?.channels[0]?.lost, 25);
  assert.match(renderStatus(status), /copier has LOST 25 entries of source/);
});

test("counts entries that were trimmed before a slow component read them", async () => {
  await using o = await open();
  const { component, release, started } = copier(o, { isHeld: () => true, concurrency: 1 });
  await publish(o, upTo(100));
  await o.run(component);
  await eventually(async () => started.length === 1 && (await saved(o))?.split(" ")[3] === "80");
  await o.client.xtrim(o.stream(source), "MAXLEN", 0);
  const lost = await eventually(() => said(o, "they are lost")[0]);
  assert.is(lost.fields["count"], 80);
  release();
  await component.whenIdle();
  assert.equal(await copied(o), upTo(20)); // what it had in hand
});

test("counts a deletion among unread entries", async () => {
  await using o = await open();
  const { component, release, started } = copier(o, { isHeld: () => true, concurrency: 1 });
  await publish(o, upTo(60));
  await o.run(component);
  await eventually(async () => started.length === 1 && (await saved(o))?.split(" ")[3] === "40");
  const ids = (await o.client.xrange(o.stream(source), "-", "+")).map(([id]) => id);
  await o.client.xdel(o.stream(source), ids[40] ?? "", ids[50] ?? "", ids[2] ?? "");
  assert.is((await eventually(() => said(o, "they are lost")[0])).fields["count"], 2);
  release();
  await component.whenIdle();
  assert.is((await copied(o)).length, 58);
});

test("does not take the removal of finished entries for a loss", async () => {
  await using o = await open();
  const { component } = copier(o);
  await o.run(component);
  await publish(o, upTo(50));
  await component.whenIdle();
  const before = await eventually(async () => {
    const line = await saved(o);
    return line?.split(" ")[3] === "0" && line.split(" ")[2] === "50" && line;
  });
  await o.client.xtrim(o.stream(source), "MAXLEN", 5);
  await eventually(async () => (await saved(o)) !== before);
  await publish(o, [50]);
  await component.whenIdle();
  assert.equal(said(o, "lost"), []);
  assert.equal(said(o, "removed by somebody else"), []);
});

test("makes a group again exactly as it was, when its only member lives", async () => {
  await using o = await open();
  const { component, release, started } = copier(o, { isHeld: (n) => n < 5 });
  await o.run(component);
  await publish(o, upTo(40));
  await eventually(async () => started.length >= 40 && (await copied(o)).length === 35);
  await o.client.xgroup("DESTROY", o.stream(source), "copier");
  await eventually(() => said(o, "made again as it was").length === 1);
  assert.is((await o.client.xpending(o.stream(source), "copier"))[0], 5);
  await publish(o, [40]);
  release();
  await component.whenIdle();
  assert.equal(await copied(o), upTo(41));
  assert.is(said(o, "made again as it was")[0]?.level, "error");
});

test("settles nothing twice while its group is gone under load", async () => {
  await using o = await open();
  const { component } = copier(o, { concurrency: 4 });
  await o.run(component);
  for (let round = 0; round < 5; round++) {
    const published = publish(
      o,
      upTo(200).map((n) => round * 200 + n),
    );
    await eventually(async () => (await copied(o)).length > round * 200 + 20);
    await o.client.xgroup("DESTROY", o.stream(source), "copier");
    await published;
    await eventually(() => said(o, "the group was gone").length === round + 1);
  }
  await component.whenIdle();
  assert.equal(await copied(o), upTo(1_000));
});

/** Two members with five events each in flight, which wait for `release`; their positions are saved. */
async function twoFull(
  o: Opened,
  claimAfterMs: number,
): Promise<{ release: () => void; components: readonly Component[] }> {
  const options = { isHeld: (n: number) => n < 10, concurrency: 5, maxInHand: 5, claimAfterMs };
  const members = [copier(o, options), copier(o, options)] as const;
  for (const { component } of members) await o.run(component);
  await publish(o, upTo(10));
  await eventually(
    async () => members.every(({ started }) => started.length === 5) && (await saved(o))?.split(" ")[4] === "*",
  );
  return {
    release: () => {
      for (const { release } of members) release();
    },
    components: members.map(({ component }) => component),
  };
}

test("makes a group again at its saved position for several members, and fences their deliveries in flight", async () => {
  await using o = await open();
  const { release, components } = await twoFull(o, 400);
  await o.client.xgroup("DESTROY", o.stream(source), "copier");
  await eventually(() => said(o, "it was made again at its saved position").length === 1);
  release();
  await eventually(async () => (await copied(o)).length >= 10);
  for (const component of components) await component.whenIdle();
  assert.equal(await copied(o), upTo(10));
  await publish(o, [10]);
  await eventually(async () => (await copied(o)).length >= 11);
  assert.equal(await copied(o), upTo(11));
});

test("settles nothing while the group of several members is gone, and everything once after it", async () => {
  await using o = await open();
  const { release, components } = await twoFull(o, 4_000);
  await o.client.xgroup("DESTROY", o.stream(source), "copier");
  release(); // full hands read nothing: nobody notices before the next tick
  await eventually(() =>
    said(o, "Redis refuses a settlement").some(({ fields }) => /NOGROUP/.test(String(fields["reason"]))),
  );
  await eventually(async () => (await copied(o)).length >= 10);
  for (const component of components) await component.whenIdle();
  assert.equal(await copied(o), upTo(10));
});

test("loses nothing with the group of several members under load", async () => {
  await using o = await open();
  const members = [copier(o, { concurrency: 4 }), copier(o, { concurrency: 4 })];
  for (const { component } of members) await o.run(component);
  for (let round = 0; round < 3; round++) {
    const published = publish(
      o,
      upTo(300).map((n) => round * 300 + n),
    );
    await eventually(async () => (await copied(o)).length > round * 300 + 50);
    await o.client.xgroup("DESTROY", o.stream(source), "copier");
    await published;
    await eventually(() => said(o, "it was made again at its saved position").length > round);
    for (const { component } of members) await component.whenIdle();
  }
  assert.equal([...new Set(await copied(o))], upTo(900));
});

test("puts parked and handed-back deliveries back when their group is made again", async () => {
  await using o = await open();
  let isReady = false;
  const handle = on(source, { retry: { backoffMs: 500, jitter: 0 } }, async ({ payload }, { publish }) => {
    if (!isReady && payload.n === 3) throw new Error("not yet");
    await publish(out, payload);
  });
  const first = o.backbone.component("copier", [handle]);
  await o.run(first);
  await publish(o, upTo(20));
  await eventually(async () => (await copied(o)).length === 19);
  await eventually(async () => (await o.client.zcard(o.keys.parked(0, "source", "copier"))) === 1);
  await first.drain();
  await o.client.xgroup("DESTROY", o.stream(source), "copier");
  isReady = true;
  const second = o.backbone.component("copier", [handle]);
  await o.run(second);
  assert.is((await o.client.xpending(o.stream(source), "copier"))[0], 1);
  await second.whenIdle();
  assert.equal(await copied(o), upTo(20));
});

test("reads a stream that was deleted from its new beginning, and finishes deliveries in flight", async () => {
  await using o = await open();
  const { component, release, started } = copier(o, { isHeld: (n) => n < 3 });
  await o.run(component);
  await publish(o, upTo(10));
  await eventually(async () => started.length === 10 && (await copied(o)).length === 7);
  await o.client.del(o.stream(source));
  await eventually(() => said(o, "both begin anew").length === 1);
  release();
  await publish(o, [10, 11]);
  await eventually(async () => (await copied(o)).length === 12);
  await component.whenIdle();
  assert.equal(await copied(o), upTo(12));
});

test("reports how many unfinished entries were lost with a deleted stream", async () => {
  await using o = await open();
  const first = copier(o);
  await o.run(first.component);
  await first.component.drain();
  await publish(o, upTo(10));
  const second = copier(o, { isHeld: () => true, concurrency: 1 });
  await publish(o, upTo(30));
  await o.run(second.component);
  await eventually(async () => (await saved(o))?.split(" ")[3] === "20");
  await o.client.del(o.stream(source));
  assert.is((await eventually(() => said(o, "they are lost")[0])).fields["count"], 20);
  second.release();
});

test("survives a FLUSHALL: reads the entries appended after it from the first one, and describes itself again", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  const component = o.backbone.component(
    "copier",
    [on(source, async ({ payload }, { publish }) => void (await publish(out, payload)))],
    {
      from: "now",
      claimAfterMs: 400,
    },
  );
  await o.run(component);
  await publish(o, [0]);
  await component.whenIdle();
  await o.client.flushall();
  await publish(o, [1, 2]);
  await eventually(async () => (await copied(o)).length === 2);
  await publish(o, [3]);
  await component.whenIdle();
  assert.equal(await copied(o), [1, 2, 3]);
  assert.ok(said(o, "so was every record of it").some(({ level }) => level === "error"));
  const status = await eventually(async () => {
    const { components } = await o.backbone.status();
    return components.find((one) => one.component === "copier" && one.state === "served");
  });
  assert.is(status.channels[0]?.lagEntries, 0);
});
