/** A group that is gone is made again from the owner's row, and nothing is lost by it or comes twice. */

import * as assert from "uvu/assert";
import { type Component, on } from "../../src/index.ts";
import { type Opened, open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

async function groupOf(o: Opened, stream: string): Promise<Map<string, unknown> | undefined> {
  const [group] = (await o.client.xinfo("GROUPS", stream).catch(() => [])) as unknown[][];
  if (group === undefined) return undefined;
  return new Map(group.flatMap((name, i) => (i % 2 === 0 ? [[String(name), group[i + 1]]] : [])));
}

const wasGone = (o: Opened) => () =>
  o.log.some(({ level, text }) => level === "error" && text.includes("group was gone"));

test("is made again where it stood, with settlements under way or without", async () => {
  await using o = await open();
  const source = things("source");
  const handled: number[] = [];
  const component = await o.run(o.backbone.component("c", [on(source, ({ payload }) => void handled.push(payload.n))]));
  for (let round = 0; round < 20; round++) {
    const refs = await Promise.all(
      Array.from({ length: 10 }, (_, n) => o.backbone.publish(source, { n: 10 * round + n })),
    );
    await o.client.xgroup("DESTROY", o.stream(source), "c");
    for (const ref of refs) assert.is(await component.whenSettled(ref), "acked");
  }
  assert.equal(
    handled,
    Array.from({ length: 200 }, (_, n) => n),
  );
  await eventually(wasGone(o));
  const last = (await o.entries(source)).at(-1)?.id;
  await eventually(async () => (await groupOf(o, o.stream(source)))?.get("last-delivered-id") === last);
  assert.is((await groupOf(o, o.stream(source)))?.get("lag"), 0);
});

test("shows again what is parked, and what has been under way for long", async () => {
  await using o = await open();
  const source = things("source", { retry: { backoffMs: 60_000, jitter: 0 } });
  const gate = Promise.withResolvers<void>();
  const component: Component = await o.run(
    o.backbone.component("c", [
      on(source, ({ payload }) => {
        if (payload.n === 0) throw new Error("later");
        return gate.promise;
      }),
    ]),
  );
  const pending = async (): Promise<unknown> => {
    const [count, , , consumers] = await o.client.xpending(o.stream(source), "c");
    return { count, of: ((consumers ?? []) as string[][]).map(([name]) => name).sort() };
  };
  const shown = { count: 2, of: [component.member, "parked"].sort() };
  await o.backbone.publish(source, { n: 0 });
  await o.backbone.publish(source, { n: 1 });
  const isShown = async (): Promise<boolean> =>
    JSON.stringify(await pending().catch(() => 0)) === JSON.stringify(shown);
  await eventually(isShown);
  await o.client.xgroup("DESTROY", o.stream(source), "c");
  await eventually(isShown);
  gate.resolve();
  await eventually(async () => (await o.client.xpending(o.stream(source), "c"))[0] === 1);
});

test("is made again by the next owner, with what the one before had not finished", async () => {
  await using o = await open();
  const [source, out] = [things("source", { retry: { backoffMs: 500, jitter: 0 } }), things("out")];
  const make = (): Component =>
    o.backbone.component("c", [
      on(source, async ({ payload }, { publish, attempt }) => {
        if (attempt === 1) throw new Error("once");
        await publish(out, payload);
      }),
    ]);
  const first = await o.run(make());
  await o.backbone.publish(source, { n: 0 });
  await eventually(async () => (await o.client.zcard(o.keys.parked(0, "source", "c"))) === 1);
  await first.drain();
  await o.client.xgroup("DESTROY", o.stream(source), "c");
  const second = await o.run(make());
  await second.whenIdle();
  assert.equal(
    (await o.entries(out)).map(({ payload }) => payload.n),
    [0],
  );
  assert.ok(wasGone(o)());
});

test("does not keep its owner from draining", async () => {
  await using o = await open();
  const source = things("source");
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const component = o.backbone.component("c", [
    on(source, () => {
      begun.resolve();
      return gate.promise;
    }),
  ]);
  const run = component.run();
  await component.ready();
  const ref = await o.backbone.publish(source, { n: 0 });
  await begun.promise;
  const draining = component.drain();
  await o.client.xgroup("DESTROY", o.stream(source), "c");
  gate.resolve();
  await Promise.all([draining, run]);
  assert.is(await o.client.hget(o.keys.owner(0, "c"), "at:source"), ref.entryId);
});

test("goes with its stream: what is appended to the new one is handled, and that it was gone is said", async () => {
  await using o = await open();
  const source = things("source");
  const handled: number[] = [];
  const component = await o.run(o.backbone.component("c", [on(source, ({ payload }) => void handled.push(payload.n))]));
  await component.whenSettled(await o.backbone.publish(source, { n: 0 }));
  await o.client.del(o.stream(source));
  await o.backbone.publish(source, { n: 1 });
  await eventually(() => handled.length === 2);
  await component.whenIdle();
  assert.equal(handled, [0, 1]);
  // A stream that ends before the position is another one; this one goes on behind it.
  await eventually(wasGone(o));
});
