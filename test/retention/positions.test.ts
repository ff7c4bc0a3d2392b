/** Losses are reported, and a group that is gone is made again where its component stands. */

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
  options: {
    isHeld?: (n: number) => boolean;
    concurrency?: number;
    maxInFlight?: number;
    takeoverAfterMs?: number;
  } = {},
): {
  component: Component;
  release: () => void;
  started: number[];
} {
  const gate = Promise.withResolvers<void>();
  const started: number[] = [];
  const { isHeld = () => false, concurrency = 16, maxInFlight = 20, takeoverAfterMs = 500 } = options;
  const component = o.backbone.component(
    "copier",
    [
      on(source, { retry: soon }, async ({ payload }, { publish }) => {
        started.push(payload.n);
        if (isHeld(payload.n)) await gate.promise;
        await publish(out, payload);
      }),
    ],
    { concurrency, maxInFlight, takeoverAfterMs },
  );
  return { component, release: gate.resolve, started };
}

async function copied(o: Opened): Promise<readonly number[]> {
  return (await o.entries(out)).map(({ payload }) => payload.n).sort((a, b) => a - b);
}

const said = (o: Opened, text: string) => o.log.filter((line) => line.text.includes(text));

/** A field of the row of the component's one partition, such as `at:source`. */
function row(o: Opened, field: string): Promise<string | null> {
  return o.client.hget(o.keys.owner(0, "copier"), field);
}

/** Resolves when the owner has looked after its channels, and so knows how many entries they had. */
async function tended(o: Opened): Promise<void> {
  await eventually(async () => (await row(o, "counts:source")) !== null);
}

test("counts entries that were trimmed before an absent component read them", async () => {
  await using o = await open();
  const first = copier(o);
  await o.run(first.component);
  await publish(o, upTo(10));
  await first.component.whenIdle();
  await tended(o);
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
  await eventually(() => started.length === 1);
  await tended(o);
  await o.client.xtrim(o.stream(source), "MAXLEN", 0);
  const lost = await eventually(() => said(o, "they are lost")[0]);
  assert.is(lost.fields["count"], 80);
  release();
  // What it had in hand. Nobody can see in Redis that it is waited for: it is in no stream any more.
  await eventually(async () => (await copied(o)).length === 20);
  assert.equal(await copied(o), upTo(20));
  assert.is(await row(o, "lost:source"), "80");
});

test("counts a deletion among unread entries", async () => {
  await using o = await open();
  const { component, release, started } = copier(o, { isHeld: () => true, concurrency: 1 });
  await publish(o, upTo(60));
  await o.run(component);
  await eventually(() => started.length === 1);
  await tended(o);
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
  await tended(o);
  const before = await eventually(async () => {
    const counts = await row(o, "counts:source");
    return counts?.startsWith("50 0 ") === true && counts;
  });
  await o.client.xtrim(o.stream(source), "MAXLEN", 5);
  await eventually(async () => (await row(o, "counts:source")) !== before);
  await publish(o, [50]);
  await component.whenIdle();
  assert.equal(said(o, "lost"), []);
  assert.equal(said(o, "removed by somebody else"), []);
});

const remade = "the channel's group was gone; it was made again where it stood";

test("makes a group again where it stood, and shows again what is long under way", async () => {
  await using o = await open();
  const { component, release, started } = copier(o, { isHeld: (n) => n < 5 });
  await o.run(component);
  await publish(o, upTo(40));
  await eventually(async () => started.length >= 40 && (await copied(o)).length === 35);
  const at = await row(o, "at:source");
  await o.client.xgroup("DESTROY", o.stream(source), "copier");
  await eventually(() => said(o, remade).length === 1);
  assert.is(said(o, remade)[0]?.level, "error");
  const [group] = (await o.client.xinfo("GROUPS", o.stream(source))) as unknown[][];
  assert.is(group?.[group.indexOf("last-delivered-id") + 1], at);
  await eventually(async () => (await o.client.xpending(o.stream(source), "copier"))[0] === 5);
  await publish(o, [40]);
  release();
  await component.whenIdle();
  assert.equal(await copied(o), upTo(41));
});

test("settles nothing twice while its group is gone under load, with a member that stands by", async () => {
  await using o = await open();
  const members = [copier(o, { concurrency: 4 }), copier(o, { concurrency: 4 })];
  for (const { component } of members) await o.run(component);
  for (let round = 0; round < 5; round++) {
    const published = publish(
      o,
      upTo(200).map((n) => round * 200 + n),
    );
    await eventually(async () => (await copied(o)).length > round * 200 + 20);
    await o.client.xgroup("DESTROY", o.stream(source), "copier");
    await published;
    await eventually(() => said(o, remade).length === round + 1);
  }
  for (const { component } of members) await component.whenIdle();
  assert.equal(await copied(o), upTo(1_000));
});

test("shows parked deliveries again when their group is made again", async () => {
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
  await eventually(async () => {
    const isShown = (await o.client.xpending(o.stream(source), "copier"))[0] === 1;
    return isShown || (await copied(o)).length === 20; // it was due at once
  });
  await second.whenIdle();
  assert.equal(await copied(o), upTo(20));
});

test("reads a stream that was deleted from its new beginning, and tells how many open entries went with the old one", async () => {
  await using o = await open();
  const { component, release, started } = copier(o, { isHeld: (n) => n < 3 });
  await o.run(component);
  await publish(o, upTo(10));
  await eventually(async () => started.length === 10 && (await copied(o)).length === 7);
  await o.client.del(o.stream(source));
  const gone = await eventually(() => said(o, "the stream is gone, and what was in it is lost")[0]);
  assert.equal([gone.level, gone.fields["channel"], gone.fields["lost"]], ["error", "source", 3]);
  release();
  await publish(o, [10, 11]);
  await component.whenIdle();
  // What the handlers of the three publish has nothing to be settled with.
  assert.equal(await copied(o), [3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test("survives a FLUSHALL: reads the entries appended after it from the first one, and describes itself again", async () => {
  await using redis = await startPrivateRedis();
  await using o = await open({ url: redis.url });
  const component = o.backbone.component(
    "copier",
    [on(source, async ({ payload }, { publish }) => void (await publish(out, payload)))],
    {
      from: "now",
      takeoverAfterMs: 500,
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
  assert.ok(said(o, "has lost the partition").length > 0);
  const status = await eventually(async () => {
    const { components } = await o.backbone.status();
    return components.find((one) => one.component === "copier" && one.state === "served");
  });
  assert.is(status.channels[0]?.lagEntries, 0);
});
